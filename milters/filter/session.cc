#include "milters/filter/session.h"

#include <algorithm>

#include "milters/filter/judge.h"
#include "milters/filter/message.h"
#include "milters/milter/daemon.h"
#include "policy/log_json.h"

namespace milters::filter {
namespace {

using milter::Answer;
using milter::Stage;
using policy::Verdict;
using policy::filter::Acts;
using policy::filter::Copy;
using policy::filter::HeaderEdit;
using policy::filter::SmtpOutcome;
using Level = policy::Log::Level;

/// One message, from MAIL to what its recipes say.
class FilterMail final : public milter::Collected {
public:
    FilterMail(std::shared_ptr<const Runtime> runtime, milter::Origin origin)
        : runtime_{std::move(runtime)},
          origin_{std::move(origin)},
          text_{runtime_->filter().max_message}
    {
        letter_.sender = policy::filter::plain_address(origin_.sender);
        letter_.client_addr = origin_.client.text();
        letter_.client_name = origin_.client_name;
        letter_.helo = origin_.helo;
        letter_.auth_user = origin_.auth_user;
    }

    milter::Origin& origin() override { return origin_; }
    Answer rcpt(std::string rcpt) override;
    void header(std::string_view name, std::string_view value) override
    {
        text_.header(name, value);
    }
    void body(std::string_view chunk) override { text_.body(chunk); }
    Answer eom(milter::Context& mta) override;

private:
    bool is_skipped() const;
    Answer decide(milter::Context& mta);
    Answer obey(milter::Context& mta, const Acts& acts);
    bool edit(milter::Context& mta, const Acts& acts);
    bool edit_headers(milter::Context& mta, const Acts& acts);
    void note(const Judgement& judgement, const Acts& acts);
    void note_copy(const Copy& copy);
    void note_json(const Judgement& judgement, const Acts& acts);
    void write(Level level, const std::string& text) const
    {
        runtime_->log->line(level, origin_.id(), text);
    }
    void complain(const std::string& what) const
    {
        write(Level::error, "filter: " + policy::printable(what));
    }

    std::shared_ptr<const Runtime> runtime_;
    milter::Origin origin_;
    Letter letter_;
    Gathered text_;
};

Answer FilterMail::rcpt(std::string rcpt)
{
    if (!is_skipped() &&
        runtime_->apart->must_wait(letter_.sender, letter_.rcpts, rcpt,
                                   runtime_->clock()))
        return Answer::refuse(
            {452, "4.5.3",
             "This recipient has other filters; please send separately"});
    letter_.rcpts.push_back(std::move(rcpt));
    return Answer::proceed();
}

bool FilterMail::is_skipped() const
{
    const auto& filter = runtime_->filter();
    if (filter.skip_authenticated && !letter_.auth_user.empty())
        return true;
    return std::any_of(
        filter.skip_networks.begin(), filter.skip_networks.end(),
        [&](const auto& network) { return network.contains(origin_.client); });
}

Answer FilterMail::eom(milter::Context& mta)
{
    letter_.queue_id = origin_.queue_id;
    return is_skipped() ? Answer::proceed() : decide(mta);
}

Answer FilterMail::decide(milter::Context& mta)
{
    if (text_.oversize()) {
        complain("larger than filter.max_message");
        return runtime_->test_mode
                   ? Answer::proceed()
                   : Answer::refuse({552, "5.3.4", "Message is too large"});
    }
    const auto now = runtime_->clock();
    letter_.message = text_.whole(policy::recipe::from_line(
        letter_.sender.empty() ? "MAILER-DAEMON" : letter_.sender,
        now.time_since_epoch().count()));
    Judgement judgement;
    {
        const milter::SlowStep step;
        judgement = judge(*runtime_, letter_);
    }
    // An MTA that hid the recipients has nobody whose mail it could be.
    if (judgement.copies.empty())
        return Answer::proceed();
    const Acts acts =
        policy::filter::combine(judgement.copies, runtime_->filter().apart);
    note(judgement, acts);
    if (runtime_->test_mode)
        return Answer::proceed();
    Answer answer = obey(mta, acts);
    if (acts.differ && !acts.kinds.empty())
        runtime_->apart->remember(letter_.sender, letter_.rcpts, acts.kinds,
                                  now);
    if (answer.kind() != Answer::Kind::refuse)
        for (const auto& [cache, message_id] : judgement.seen)
            runtime_->seen->add(cache, message_id);
    return answer;
}

Answer FilterMail::obey(milter::Context& mta, const Acts& acts)
{
    switch (acts.verdict) {
        case Verdict::reject:
        case Verdict::tempfail:
            return Answer::refuse(acts.reply);
        case Verdict::discard:
            return Answer::discard();
        case Verdict::accept:
        case Verdict::quarantine:
            break;
    }
    if (edit(mta, acts))
        return Answer::proceed();
    complain("the MTA does not take all changes");
    return Answer::refuse(policy::temporary_failure());
}

bool FilterMail::edit(milter::Context& mta, const Acts& acts)
{
    // Added before the last one is removed: a message without a recipient
    // would be dropped.
    bool done = true;
    for (const std::string& address : acts.added)
        done = done && mta.add_recipient("<" + address + ">");
    for (const std::size_t i : acts.removed)
        done = done && mta.delete_recipient(letter_.rcpts[i]);
    done = done && edit_headers(mta, acts);
    if (acts.body)
        done = done && mta.replace_body(with_crlf(*acts.body));
    if (!acts.quarantine.empty())
        done = done &&
               mta.quarantine("filter: " + policy::printable(acts.quarantine));
    return done;
}

/// Removals from the last to the first, since each one moves those behind it.
bool FilterMail::edit_headers(milter::Context& mta, const Acts& acts)
{
    bool done = true;
    const std::string& folder = runtime_->settings.folder_header;
    const int forged = text_.count(folder);
    for (int i = forged; i > 0; --i)
        done = done && mta.change_header(folder, i, nullptr);
    for (auto edit = acts.headers.rbegin(); edit != acts.headers.rend(); ++edit)
        if (edit->kind == HeaderEdit::Kind::remove &&
            (forged == 0 ||
             !std::equal(edit->name.begin(), edit->name.end(), folder.begin(),
                         folder.end(), [](char a, char b) {
                             return (a | 0x20) == (b | 0x20);
                         })))
            done = done && mta.change_header(edit->name, edit->index, nullptr);
    for (const HeaderEdit& edit : acts.headers)
        if (edit.kind == HeaderEdit::Kind::add)
            done = done && mta.add_header(edit.name, edit.value);
    return done;
}

// --- what is written down ---

void FilterMail::note_copy(const Copy& copy)
{
    const SmtpOutcome& outcome = copy.outcome;
    for (const std::string& line : outcome.log)
        write(Level::info, "filter: LOG: " + policy::printable(line));
    for (const std::string& line : outcome.notes)
        write(Level::info, "filter: note: " + policy::printable(line));
    policy::Fields line;
    line.say("filter:")
        .add("rcpt", copy.rcpt)
        .add("verdict", policy::name_of(outcome.verdict))
        .add_if("recipe", outcome.source)
        .add_if("reply", outcome.reply.code == 250 ? "" : outcome.reply.text)
        .add_if("folder", outcome.folder)
        .add_if("quarantine", outcome.quarantine);
    for (const std::string& address : outcome.forwards)
        line.add(outcome.redirected ? "redirect" : "copy", address);
    const bool news = outcome.verdict != Verdict::accept ||
                      !outcome.forwards.empty() || !outcome.quarantine.empty();
    write(news ? Level::info : Level::debug, line.text());
}

void FilterMail::note(const Judgement& judgement, const Acts& acts)
{
    for (const Copy& copy : judgement.copies)
        note_copy(copy);
    for (const std::string& text : acts.notes)
        write(Level::info, "filter: note: " + policy::printable(text));
    policy::Fields line;
    line.say(runtime_->test_mode ? "filter: test mode:" : "filter:")
        .add("action", policy::name_of(acts.verdict));
    if (acts.differ)
        line.add("recipients",
                 acts.kinds.empty() ? "differ, together" : "differ, apart");
    for (const std::size_t i : acts.removed)
        line.add("removed", letter_.rcpts[i]);
    for (const std::string& address : acts.added)
        line.add("added", address);
    line.add("client", origin_.client.text())
        .add("from", "<" + letter_.sender + ">")
        .add("size", std::to_string(text_.size()))
        .add("id", origin_.own_id);
    const bool news = acts.verdict != Verdict::accept || acts.differ ||
                      !acts.removed.empty() || !acts.added.empty();
    write(news ? Level::info : Level::debug, line.text());
    if (runtime_->log->wants_decisions())
        note_json(judgement, acts);
}

void FilterMail::note_json(const Judgement& judgement, const Acts& acts)
{
    policy::Decision decision;
    decision.stage = Stage::eom;
    decision.verdict =
        acts.quarantine.empty() ? acts.verdict : Verdict::quarantine;
    decision.reply = acts.reply;
    for (const Copy& copy : judgement.copies)
        decision.trace.push_back(
            {"filter", policy::name_of(copy.outcome.verdict),
             copy.outcome.source, copy.rcpt, copy.outcome.reply.text});
    const auto same = std::find_if(
        judgement.copies.begin(), judgement.copies.end(),
        [&](const Copy& copy) { return copy.outcome.verdict == acts.verdict; });
    decision.why = decision.trace[static_cast<std::size_t>(
        same == judgement.copies.end() ? 0 : same - judgement.copies.begin())];
    policy::Judged judged;
    judged.when = runtime_->clock();
    judged.id = origin_.own_id;
    judged.queue_id = letter_.queue_id;
    judged.program = "filter-milter";
    judged.client_addr = origin_.client.text();
    judged.client_name = origin_.client_name;
    judged.helo = origin_.helo;
    judged.auth_user = letter_.auth_user;
    judged.from = "<" + letter_.sender + ">";
    for (const auto& rcpt : letter_.rcpts)
        judged.rcpt += (judged.rcpt.empty() ? "" : ",") + rcpt;
    judged.test = runtime_->test_mode;
    runtime_->log->decision(policy::decision_json(decision, judged));
}

}  // namespace

milter::Needs filter_needs()
{
    milter::Needs needs;
    needs.want_silently(Stage::connect, "j {client_addr}")
        .want_silently(Stage::helo)
        .want_silently(Stage::mail, "i {auth_authen} {client_addr}")
        .want(Stage::rcpt)
        .want_silently(Stage::header)
        .want_silently(Stage::body)
        .want(Stage::eom, "i");
    needs.quarantine = true;
    needs.add_header = true;
    needs.change_headers = true;
    needs.replace_body = true;
    needs.change_recipients = true;
    return needs;
}

std::unique_ptr<milter::Collected> FilterSession::begin(milter::Origin origin)
{
    return std::make_unique<FilterMail>(runtime_, std::move(origin));
}

}  // namespace milters::filter
