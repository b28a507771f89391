#include "milters/filter/session.h"

#include <algorithm>

#include "milters/filter/judge.h"
#include "milters/filter/message.h"
#include "milters/filter/report.h"
#include "milters/milter/daemon.h"

namespace milters::filter {
namespace {

using milter::Answer;
using milter::Stage;
using policy::Verdict;
using policy::filter::Acts;
using policy::filter::HeaderEdit;

/// One message, from MAIL to what its recipes say.
class FilterMail final : public milter::Collected {
public:
    FilterMail(std::shared_ptr<const Runtime> runtime, milter::Origin origin)
        : runtime_{std::move(runtime)},
          letter_{std::move(origin)},
          text_{runtime_->filter().max_message}
    {
    }

    milter::Origin& origin() override { return letter_.origin; }
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
    bool all_exempt() const;
    Answer failed(const std::string& what, policy::Reply reply) const;

    std::shared_ptr<const Runtime> runtime_;
    Letter letter_;
    policy::filter::Apart::Transaction transaction_;
    Gathered text_;
};

Answer FilterMail::rcpt(std::string rcpt)
{
    if (!is_skipped() &&
        runtime_->apart->must_wait(letter_.sender, transaction_, rcpt,
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
    if (filter.skip_authenticated && !letter_.origin.auth_user.empty())
        return true;
    return std::any_of(filter.skip_networks.begin(), filter.skip_networks.end(),
                       [&](const auto& network) {
                           return network.contains(letter_.origin.client);
                       });
}

Answer FilterMail::eom(milter::Context& mta)
{
    return is_skipped() ? Answer::proceed() : decide(mta);
}

/// Writes an error, and refuses unless nothing is to be changed.
Answer FilterMail::failed(const std::string& what, policy::Reply reply) const
{
    complain(*runtime_, letter_, what);
    return runtime_->test_mode ? Answer::proceed()
                               : Answer::refuse(std::move(reply));
}

/// Whether access.db says OK of every recipient.
bool FilterMail::all_exempt() const
{
    return std::all_of(
        letter_.access.begin(), letter_.access.end(),
        [](const auto& ruling) { return ruling && ruling->ok(); });
}

Answer FilterMail::decide(milter::Context& mta)
{
    const auto& origin = letter_.origin;
    auto rulings = runtime_->access.ask({origin.client, origin.client_name},
                                        letter_.rcpts);
    if (!rulings)
        return failed(rulings.error().text, policy::temporary_failure());
    letter_.access = std::move(*rulings);
    if (text_.oversize() && !all_exempt())
        return failed("larger than filter.max_message",
                      {552, "5.3.4", "Message is too large"});
    const auto now = runtime_->clock();
    letter_.size = text_.size();
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
    report(*runtime_, letter_, judgement, acts);
    if (runtime_->test_mode)
        return Answer::proceed();
    Answer answer = obey(mta, acts);
    if (acts.differ && !acts.kinds.empty())
        runtime_->apart->remember(letter_.sender, letter_.rcpts, acts.kinds,
                                  now);
    else
        runtime_->apart->answered(
            letter_.sender, transaction_,
            answer.kind() == Answer::Kind::refuse && answer.reply().code < 500);
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
    return failed("the MTA does not take all changes",
                  policy::temporary_failure());
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

}  // namespace

milter::Needs filter_needs()
{
    auto needs = milter::collecting_needs();
    needs.want_silently(Stage::helo).want(Stage::rcpt);
    return needs;
}

std::unique_ptr<milter::Collected> FilterSession::begin(milter::Origin origin)
{
    return std::make_unique<FilterMail>(runtime_, std::move(origin));
}

}  // namespace milters::filter
