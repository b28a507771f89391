#include "milters/chain/chain.h"

#include <algorithm>
#include <chrono>

namespace milters::chain {

using milter::Answer;
using milter::Args;
using milter::Context;
using milter::Program;
using milter::Session;
using milter::Stage;
using Kind = milter::Answer::Kind;

namespace {

using Steady = std::chrono::steady_clock;

/// Far below R: of sendmail's T=.
constexpr std::chrono::seconds patience{1};

bool ends_all(const Answer& answer)
{
    return answer.kind() == Kind::refuse || answer.kind() == Kind::discard;
}

}  // namespace

Chain::Chain(std::shared_ptr<const Parts> parts) : parts_{std::move(parts)}
{
    links_.reserve(parts_->programs.size());
    for (const Program& program : parts_->programs) {
        links_.push_back({program, std::nullopt});
        links_.back().conduct.emplace(program);
    }
}

/// Asks those that still take part.
Answer Chain::ask(Stage stage, const Step& step)
{
    const bool early = stage == Stage::connect || stage == Stage::helo;
    for (Link& link : links_) {
        if (link.state != State::open)
            continue;
        auto answer = link.conduct->run(stage, step);
        if (answer.kind() == Kind::accept) {
            link.state = early ? State::closed : State::done;
            if (early)
                link.conduct.reset();
        } else if (ends_all(answer)) {
            // At RCPT a refusal concerns one recipient.
            if (stage != Stage::rcpt || answer.kind() == Kind::discard)
                forget();
            return answer;
        }
    }
    return stand();
}

/// Accept once nobody has anything more to say.
Answer Chain::stand() const
{
    const bool all =
        std::all_of(links_.begin(), links_.end(),
                    [](const Link& l) { return l.state != State::open; });
    return all ? Answer::accept() : Answer::proceed();
}

void Chain::ask_live(Stage stage, const Step& step)
{
    if (parts_->live >= links_.size())
        return;
    Link& link = links_[parts_->live];
    if (link.state == State::open)
        link.conduct->run(stage, step);
}

/// The message is over; whoever has not come to its end is told.
void Chain::forget()
{
    for (Link& link : links_)
        if (link.state == State::open)
            link.conduct->abort();
    message_.reset();
}

/// What is done for one message is open for the next.
void Chain::begin_message()
{
    forget();
    for (Link& link : links_)
        if (link.state == State::done)
            link.state = State::open;
}

Answer Chain::connect(Context& mta, const milter::Peer& peer)
{
    if (mta.macro("v").value_or("").starts_with("Postfix"))
        mta_ = HeaderList::Mta::postfix;
    return ask(Stage::connect,
               [&](Session& s) { return s.connect(mta, peer); });
}

Answer Chain::helo(Context& mta, std::string_view name)
{
    begin_message();
    return ask(Stage::helo, [&](Session& s) { return s.helo(mta, name); });
}

Answer Chain::mail(Context& mta, Args args)
{
    begin_message();
    message_.emplace(mta_);
    return ask(Stage::mail, [&](Session& s) { return s.mail(mta, args); });
}

Answer Chain::rcpt(Context& mta, Args args)
{
    return ask(Stage::rcpt, [&](Session& s) { return s.rcpt(mta, args); });
}

Answer Chain::data(Context& mta)
{
    return ask(Stage::data, [&](Session& s) { return s.data(mta); });
}

Answer Chain::header(Context& mta, std::string_view name,
                     std::string_view value)
{
    if (message_)
        message_->headers.append(name, value);
    ask_live(Stage::header,
             [&](Session& s) { return s.header(mta, name, value); });
    return Answer::proceed();
}

Answer Chain::eoh(Context& mta)
{
    ask_live(Stage::eoh, [&](Session& s) { return s.eoh(mta); });
    return Answer::proceed();
}

bool Chain::is_last_with_body(const Link& link) const
{
    for (auto at = links_.rbegin(); &*at != &link; ++at)
        if (at->state == State::open && at->program.needs.wants(Stage::body))
            return false;
    return true;
}

bool Chain::keeps_body() const
{
    for (std::size_t i = 0; i < links_.size(); ++i)
        if (i != parts_->live && links_[i].state == State::open &&
            links_[i].program.needs.wants(Stage::body))
            return true;
    return false;
}

Answer Chain::body(Context& mta, std::span<const unsigned char> chunk)
{
    if (message_ && keeps_body())
        message_->body.emplace_back(chunk.begin(), chunk.end());
    ask_live(Stage::body, [&](Session& s) { return s.body(mta, chunk); });
    return Answer::proceed();
}

/// Header and body for a milter that did not have them as they came.
Answer Chain::replay(Link& link, Context& view)
{
    auto answer = Answer::proceed();
    const auto tell = [&](Stage stage, const Step& step) {
        if (answer.kind() == Kind::proceed)
            answer = link.conduct->run(stage, step);
    };
    message_->headers.for_each(
        [&](const std::string& name, const std::string& value) {
            tell(Stage::header,
                 [&](Session& s) { return s.header(view, name, value); });
        });
    tell(Stage::eoh, [&](Session& s) { return s.eoh(view); });
    if (link.program.needs.wants(Stage::body))
        message_->for_each_chunk(
            is_last_with_body(link), [&](std::span<const unsigned char> bytes) {
                tell(Stage::body,
                     [&](Session& s) { return s.body(view, bytes); });
            });
    return answer.kind() == Kind::skip ? Answer::proceed() : answer;
}

Answer Chain::end_of_message(Link& link, Context& view)
{
    if (link.program.needs.wants(Stage::header))
        message_->headers.begin_view();
    const bool live = &link == &links_[0] + parts_->live;
    if (!live)
        if (auto answer = replay(link, view); answer.kind() != Kind::proceed)
            return answer;
    return link.conduct->run(Stage::eom,
                             [&](Session& s) { return s.eom(view); });
}

/// The last one that another milter has put in place of what came.
Answer Chain::put_body(Context& mta)
{
    if (!message_->other_body || mta.replace_body(*message_->other_body))
        return Answer::proceed();
    const Link& first = links_.front();
    first.program.log(id(), "the MTA does not take another body");
    return Answer::refuse(policy::temporary_failure());
}

Answer Chain::eom(Context& mta)
{
    if (!message_)
        return Answer::refuse(policy::temporary_failure());
    auto since = Steady::now();
    for (Link& link : links_) {
        if (link.state != State::open)
            continue;
        // The time that the MTA waits for an answer is for each milter anew.
        if (const auto now = Steady::now(); now - since > patience) {
            mta.progress();
            since = now;
        }
        View view{mta, *message_};
        auto answer = end_of_message(link, view);
        link.state = State::done;
        if (ends_all(answer)) {
            forget();
            return answer;
        }
    }
    auto answer = put_body(mta);
    message_.reset();
    return answer;
}

void Chain::abort()
{
    forget();
}

std::string Chain::id() const
{
    for (const Link& link : links_)
        if (link.conduct)
            if (auto id = link.conduct->id(); id != "NOQUEUE")
                return id;
    return "NOQUEUE";
}

}  // namespace milters::chain
