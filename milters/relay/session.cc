#include "milters/relay/session.h"

#include <atomic>

#include "milters/milter/daemon.h"
#include "milters/milter/own_id.h"
#include "milters/relay/facts.h"
#include "policy/log_json.h"

namespace milters::relay {

using milter::Answer;
using milter::Stage;
using policy::Verdict;
using Level = policy::Log::Level;

milter::Needs relay_needs()
{
    milter::Needs needs;
    needs.want_silently(Stage::connect, connect_macros)
        .want_silently(Stage::helo, helo_macros)
        .want(Stage::mail, mail_macros)
        .want(Stage::rcpt, rcpt_macros)
        .want(Stage::eom, eom_macros);
    needs.quarantine = true;
    return needs;
}

RelaySession::RelaySession(std::shared_ptr<const Runtime> runtime)
    : runtime_{std::move(runtime)}, own_id_{milter::own_id()}
{
}

Answer RelaySession::connect(milter::Context& mta, const milter::Peer& peer)
{
    client_ = client_at_connect(mta, peer);
    message_.reset();
    return obey(runtime_->policy->connect(client_), {});
}

Answer RelaySession::helo(milter::Context& mta, std::string_view name)
{
    message_.reset();
    client_.helo = name;
    add_tls(client_, mta);
    return Answer::proceed();
}

Answer RelaySession::mail(milter::Context& mta, milter::Args args)
{
    message_.emplace();
    message_->from = path_of(args.empty() ? "" : args.front());
    message_->quarantine = quarantine_;
    learn_queue_id(mta);
    add_tls(client_, mta);
    add_auth(client_, mta);
    return obey(runtime_->policy->mail(client_, message_->from), {});
}

Answer RelaySession::rcpt(milter::Context& mta, milter::Args args)
{
    if (!message_)
        return Answer::refuse(policy::temporary_failure());
    learn_queue_id(mta);
    const std::string rcpt{path_of(args.empty() ? "" : args.front())};
    std::optional<milter::SlowStep> waiting;
    if (runtime_->may_wait)
        waiting.emplace();
    return obey(runtime_->policy->rcpt(client_, message_->from, rcpt), rcpt);
}

Answer RelaySession::eom(milter::Context& mta)
{
    learn_queue_id(mta);
    const auto message = std::move(message_);
    message_.reset();
    if (!message || !message->quarantine || runtime_->test_mode)
        return Answer::proceed();
    if (mta.quarantine(*message->quarantine))
        return Answer::proceed();
    runtime_->log->line(Level::error, id(),
                        "relay: the MTA does not quarantine");
    return Answer::refuse(policy::temporary_failure());
}

void RelaySession::abort()
{
    message_.reset();
}

std::string RelaySession::id() const
{
    if (message_ && !message_->queue_id.empty())
        return message_->queue_id;
    return "NOQUEUE";
}

/// sendmail has `i` at MAIL, Postfix only after the first recipient.
void RelaySession::learn_queue_id(milter::Context& mta)
{
    if (!message_ || !message_->queue_id.empty())
        return;
    if (const auto i = mta.macro("i"))
        message_->queue_id = policy::printable(*i);
}

Answer RelaySession::obey(const policy::Decision& decision,
                          const std::string& rcpt)
{
    note(decision, rcpt);
    if (runtime_->test_mode)
        return Answer::proceed();
    switch (decision.verdict) {
        case Verdict::accept:
            return Answer::proceed();
        case Verdict::discard:
            return Answer::discard();
        case Verdict::quarantine:
            (message_ ? message_->quarantine : quarantine_) = policy::printable(
                decision.reply.text.empty() ? decision.why.value
                                            : decision.reply.text);
            return Answer::proceed();
        case Verdict::reject:
        case Verdict::tempfail:
            break;
    }
    return Answer::refuse(decision.reply);
}

/// Refusals and relaying are news; what is local and fine is not.
void RelaySession::note(const policy::Decision& decision,
                        const std::string& rcpt) const
{
    const bool news =
        decision.verdict != Verdict::accept || is_relayed(decision);
    const auto level = news ? Level::info : Level::debug;
    if (runtime_->log->wants(level))
        log_line(level, decision, rcpt);
    if (runtime_->log->wants_decisions())
        log_json(decision, rcpt);
}

void RelaySession::log_line(policy::Log::Level level,
                            const policy::Decision& decision,
                            const std::string& rcpt) const
{
    policy::Fields line;
    line.say(runtime_->test_mode ? "relay: test mode:" : "relay:") << decision;
    if (is_relayed(decision))
        line.add("relay", "yes");
    line.add("client", client_.addr.text())
        .add_if("name", client_.name)
        .add_if("auth", client_.auth_authen);
    if (message_)
        line.add("from", message_->from);
    line.add_if("to", rcpt).add("id", own_id_);
    runtime_->log->line(level, id(), line.text());
}

void RelaySession::log_json(const policy::Decision& decision,
                            const std::string& rcpt) const
{
    policy::Judged judged;
    judged.when = runtime_->world.clock();
    judged.id = own_id_;
    judged.program = "relay-milter";
    judged.client_addr = client_.addr.text();
    judged.client_name = client_.name;
    judged.client_resolve = name_of(client_.resolve);
    judged.helo = client_.helo;
    judged.auth_type = client_.auth_type;
    judged.auth_user = client_.auth_authen;
    judged.rcpt = rcpt;
    judged.test = runtime_->test_mode;
    if (message_) {
        judged.from = message_->from;
        judged.queue_id = message_->queue_id;
    }
    runtime_->log->decision(policy::decision_json(decision, judged));
}

}  // namespace milters::relay
