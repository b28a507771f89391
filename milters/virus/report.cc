#include "milters/virus/report.h"

#include "policy/log_json.h"

namespace milters::virus {
namespace {

using policy::scan::Action;
using policy::scan::Plan;
using policy::scan::Verdict;
using Level = policy::Log::Level;

policy::Verdict verdict_of(Action action)
{
    switch (action) {
        case Action::reject:
            return policy::Verdict::reject;
        case Action::tempfail:
            return policy::Verdict::tempfail;
        case Action::discard:
            return policy::Verdict::discard;
        case Action::quarantine:
            return policy::Verdict::quarantine;
        case Action::accept:
        case Action::tag:
        case Action::rename:
        case Action::strip:
            break;
    }
    return policy::Verdict::accept;
}

void write_json(const Runtime& runtime, const Transaction& mail,
                const Plan& plan)
{
    policy::Decision decision;
    decision.stage = policy::Stage::eom;
    decision.verdict = verdict_of(plan.action);
    if (plan.action == Action::reject || plan.action == Action::tempfail)
        decision.reply =
            policy::scan::reply_for(plan.outcome, runtime.virus().reject_text);
    decision.why = {"virus", plan.outcome.rule, plan.outcome.place,
                    plan.outcome.signature, name_of(plan.outcome.status)};
    policy::Judged judged;
    judged.when = runtime.now();
    judged.id = mail.own_id;
    judged.queue_id = mail.queue_id;
    judged.program = "virus-milter";
    judged.client_addr = mail.from.client.text();
    judged.client_name = mail.client_name;
    judged.auth_user = mail.from.auth_user;
    judged.from = "<" + mail.from.sender + ">";
    for (const auto& rcpt : mail.rcpts)
        judged.rcpt += (judged.rcpt.empty() ? "" : ",") + rcpt;
    judged.test = runtime.test_mode();
    runtime.lasting->log->decision(policy::decision_json(decision, judged));
}

void write_line(const Runtime& runtime, const Transaction& mail,
                const Verdict& verdict, const Plan& plan,
                std::chrono::microseconds time, const std::string& kept)
{
    policy::Fields line;
    line.say(runtime.test_mode() ? "virus: test mode:" : "virus:")
        .add("status", policy::scan::status_word(verdict, plan.outcome))
        .add("action", name_of(plan.action))
        .add_if("signature", verdict.signature())
        .add_if("group", plan.outcome.group)
        .add_if("rule", plan.outcome.rule)
        .add_if("place", plan.outcome.place)
        .add_if("attachment", plan.outcome.rule == "attachments"
                                  ? plan.outcome.signature
                                  : "")
        .add_if("error", verdict.detail)
        .add_if("kept", kept);
    if (plan.mixed)
        line.add("recipients", "differ");
    for (const std::size_t i : plan.removed)
        line.add("removed", mail.rcpts[i]);
    line.add("client", mail.from.client.text())
        .add("from", "<" + mail.from.sender + ">")
        .add("size", std::to_string(mail.message.size()))
        .add("ms", std::to_string(time.count() / 1000))
        .add("id", mail.own_id);
    const bool news = !verdict.clean() || plan.action != Action::accept;
    runtime.lasting->log->line(news ? Level::info : Level::debug, mail.id(),
                               line.text());
}

}  // namespace

void report(const Runtime& runtime, const Transaction& mail,
            const Verdict& verdict, const Plan& plan,
            std::chrono::microseconds time, bool remembered,
            const std::string& kept)
{
    write_line(runtime, mail, verdict, plan, time, kept);
    if (runtime.lasting->log->wants_decisions())
        write_json(runtime, mail, plan);
    runtime.lasting->stats.count(
        {verdict.status(), plan.action, mail.message.size(), time, remembered,
         verdict.signature(), mail.from.client.text()},
        runtime.now());
}

void report_exempt(const Runtime& runtime, const Transaction& mail,
                   const std::string& why)
{
    policy::Fields line;
    line.say("virus: not scanned:")
        .add("why", why)
        .add("client", mail.from.client.text())
        .add("from", "<" + mail.from.sender + ">")
        .add("id", mail.own_id);
    runtime.lasting->log->line(why == "released" ? Level::info : Level::debug,
                               mail.id(), line.text());
    runtime.lasting->stats.skipped();
}

void report_split(const Runtime& runtime, const Transaction& mail,
                  const std::string& rcpt, const std::string& group)
{
    policy::Fields line;
    line.say("virus: recipient asked to come again:")
        .add("to", rcpt)
        .add("group", group)
        .add("first", *mail.group ? (*mail.group)->name : "")
        .add("id", mail.own_id);
    runtime.lasting->log->line(Level::info, mail.id(), line.text());
    runtime.lasting->stats.split();
}

}  // namespace milters::virus
