#include "policy/scan/plan.h"

#include <algorithm>

namespace policy::scan {
namespace {

std::string filled(const std::string& text, const std::string& value)
{
    const auto place = text.find("%s");
    if (place == std::string::npos)
        return text;
    return text.substr(0, place) + value + text.substr(place + 2);
}

Reply permanent(const Outcome& outcome, const std::string& reject_text)
{
    if (is_filtered(outcome))
        return {550, "5.7.1",
                with_reason(outcome, "Attachment not accepted: " +
                                         clean_signature(outcome.signature))};
    switch (outcome.status) {
        case ScanStatus::oversize:
            return {552, "5.3.4", "Message too big to be scanned for viruses"};
        case ScanStatus::locked:
            return {550, "5.7.1", "Encrypted content is not accepted here"};
        case ScanStatus::limits:
            return {
                550, "5.7.1",
                "Message cannot be scanned completely: " + outcome.signature};
        case ScanStatus::error:
            return {554, "5.3.0", "Message cannot be scanned for viruses"};
        case ScanStatus::infected:
        case ScanStatus::suspicious:
        case ScanStatus::clean:
            break;
    }
    return {550, "5.7.1",
            with_reason(outcome, filled(reject_text, outcome.signature))};
}

}  // namespace

Plan combine(const std::vector<Outcome>& outcomes)
{
    Plan plan;
    bool any_left = false;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const Outcome& outcome = outcomes[i];
        plan.mixed = plan.mixed || outcome.action != outcomes[0].action;
        if (outcome.action == Action::discard) {
            plan.removed.push_back(i);
            continue;
        }
        if (!any_left || outcome.action > plan.action) {
            plan.action = outcome.action;
            plan.outcome = outcome;
        }
        any_left = true;
    }
    if (any_left || outcomes.empty())
        return plan;
    plan.action = Action::discard;
    plan.outcome = outcomes.front();
    plan.removed.clear();
    return plan;
}

Reply reply_for(const Outcome& outcome, const std::string& reject_text)
{
    if (outcome.reply)
        return *outcome.reply;
    if (outcome.action == Action::reject)
        return permanent(outcome, reject_text);
    if (outcome.status == ScanStatus::error)
        return {451, "4.7.1",
                "Message cannot be scanned for viruses now, try again later"};
    return {451, "4.7.1",
            "Message refused for now: " +
                describe(outcome.status, outcome.signature)};
}

bool is_filtered(const Outcome& outcome)
{
    return outcome.rule == "attachments" &&
           outcome.status != ScanStatus::limits;
}

std::string status_word(const Verdict& verdict, const Outcome& outcome)
{
    return verdict.clean() && is_filtered(outcome) ? "filtered"
                                                   : name_of(verdict.status());
}

std::string describe(const Verdict& verdict, const Outcome& outcome)
{
    if (verdict.clean() && is_filtered(outcome))
        return "filtered (" + clean_signature(outcome.signature) + ")";
    return describe(verdict.status(), verdict.signature());
}

std::string with_reason(const Outcome& outcome, std::string text)
{
    return outcome.reason.empty() ? text : text + " (" + outcome.reason + ")";
}

std::string describe(ScanStatus status, const std::string& signature)
{
    std::string out = name_of(status);
    if (!signature.empty())
        out += " (" + clean_signature(signature) + ")";
    return out;
}

}  // namespace policy::scan
