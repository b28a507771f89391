#include "milters/postern/show.h"

#include <algorithm>
#include <ostream>

#include "milters/postern/latin1.h"
#include "milters/relay/facts.h"

namespace milters::postern {
namespace {

using nlohmann::ordered_json;
using policy::Decision;
using policy::Verdict;

using policy::sendmail::Flow;

ordered_json flow_json(const policy::Result<Flow>& known)
{
    if (!known)
        return {{"error", to_utf8(known.error().text)}};
    const Flow& flow = *known;
    ordered_json out{{"steps", ordered_json::array()},
                     {"deliveries", ordered_json::array()}};
    for (const auto& step : flow.steps)
        out["steps"].push_back({{"stage", step.stage},
                                {"source", to_utf8(step.source)},
                                {"key", to_utf8(step.key)},
                                {"value", to_utf8(step.value)}});
    for (const auto& one : flow.deliveries)
        out["deliveries"].push_back({{"mailer", to_utf8(one.mailer)},
                                     {"host", to_utf8(one.host)},
                                     {"user", to_utf8(one.user)},
                                     {"text", to_utf8(one.text)}});
    return out;
}

ordered_json answer_json(const Answer& answer)
{
    const Dialogue& dialogue = answer.dialogue;
    const Decision& outcome = dialogue.outcome();
    ordered_json trace = ordered_json::array();
    for (const auto& stage : dialogue.stages)
        for (const auto& why : stage.trace) {
            auto one = why_json(why);
            one["stage"] = policy::name_of(stage.stage);
            trace.push_back(std::move(one));
        }
    ordered_json out{{"verdict", policy::name_of(outcome.verdict)},
                     {"stage", policy::name_of(outcome.stage)},
                     {"code", outcome.reply.code},
                     {"enhanced", outcome.reply.enhanced},
                     {"text", to_utf8(outcome.reply.text)},
                     {"relay", relay::is_relayed(dialogue.stages.back()) &&
                                   !is_refusal(outcome.verdict)},
                     {"why", why_json(outcome.why)},
                     {"trace", std::move(trace)}};
    if (answer.flow)
        out["flow"] = flow_json(*answer.flow);
    return out;
}

/// `550 5.7.1 Access denied`, or `ok`.
std::string reply_text(const Decision& decision)
{
    std::string out = policy::name_of(decision.verdict);
    if (decision.verdict == Verdict::accept)
        return "ok";
    if (is_refusal(decision.verdict))
        out += " " + std::to_string(decision.reply.code) + " " +
               decision.reply.enhanced;
    return out + (decision.reply.text.empty() ? "" : " ") + decision.reply.text;
}

/// `access Connect: in /etc/mail/access: Connect:192.0.2 = REJECT`
std::string why_text(const policy::Why& why)
{
    std::string out = why.rule;
    if (!why.source.empty())
        out += " in " + why.source;
    if (!why.key.empty() || !why.value.empty())
        out += ": ";
    out += why.key;
    if (!why.value.empty())
        out += " = " + why.value;
    return out;
}

/// `aliases in /etc/mail/aliases: list = alice, bob`, and where it ends.
void print_flow(const policy::Result<Flow>& known, std::ostream& out)
{
    if (!known) {
        out << "    the way on is not known: " << known.error().text << '\n';
        return;
    }
    const Flow& flow = *known;
    for (const auto& step : flow.steps)
        out << "    " << step.stage
            << (step.source.empty() ? "" : " in " + step.source) << ": "
            << step.key << (step.value.empty() ? "" : " = " + step.value)
            << '\n';
    for (const auto& one : flow.deliveries)
        if (one.mailer == "error")
            out << "comes back: " << one.user << ": " << one.text << '\n';
        else
            out << "goes to: " << one.user << " by " << one.mailer
                << (one.host.empty() ? "" : " at " + one.host) << '\n';
}

void print_stage(const Decision& stage, const std::string& rcpt, bool trace,
                 std::ostream& out)
{
    out << policy::name_of(stage.stage)
        << (stage.stage == policy::Stage::rcpt ? " " + rcpt : "") << ": "
        << reply_text(stage) << (relay::is_relayed(stage) ? ", may relay" : "")
        << '\n';
    const std::string reason =
        stage.why.rule.empty() ? "" : why_text(stage.why);
    if (trace)
        for (const auto& why : stage.trace)
            if (why_text(why) != reason)
                out << "    asked " << why_text(why) << '\n';
    if (!reason.empty())
        out << "    because of " << reason << '\n';
}

}  // namespace

ordered_json why_json(const policy::Why& why)
{
    return {{"policy", why.policy},
            {"rule", to_utf8(why.rule)},
            {"source", to_utf8(why.source)},
            {"key", to_utf8(why.key)},
            {"value", to_utf8(why.value)}};
}

ordered_json stage_json(const Decision& decision)
{
    const bool accepted = decision.verdict == Verdict::accept;
    ordered_json out = {
        {"action", accepted ? "ok" : policy::name_of(decision.verdict)}};
    if (is_refusal(decision.verdict)) {
        out["code"] = decision.reply.code;
        out["dsn"] = decision.reply.enhanced;
    }
    if (is_refusal(decision.verdict) || decision.verdict == Verdict::quarantine)
        out["text"] = to_utf8(decision.reply.text);
    return out;
}

bool taken(const Answer& answer)
{
    return answer.dialogue.outcome().verdict == Verdict::accept;
}

ordered_json answers_json(const std::vector<Answer>& answers)
{
    const auto shown = std::find_if_not(answers.begin(), answers.end(), taken);
    auto out = answer_json(shown == answers.end() ? answers.front() : *shown);
    if (answers.size() == 1)
        return out;
    for (const auto& answer : answers) {
        auto one = answer_json(answer);
        one["rcpt"] = to_utf8(answer.rcpt);
        out["recipients"].push_back(std::move(one));
    }
    return out;
}

void print_answers(const std::vector<Answer>& answers, bool trace,
                   std::ostream& out)
{
    bool first = true;
    for (const auto& answer : answers) {
        for (const auto& stage : answer.dialogue.stages)
            if (first || stage.stage == policy::Stage::rcpt)
                print_stage(stage, answer.rcpt, trace, out);
        if (answer.flow)
            print_flow(*answer.flow, out);
        first = false;
    }
}

}  // namespace milters::postern
