#include "policy/scan/by_access.h"

namespace policy::scan {

Outcome by_access(Outcome outcome, const map::TagRuling& ruling)
{
    const bool found = !outcome.rule.empty();
    const auto action = parse_action(ruling.action);
    if (!ruling.ok() &&
        (!found || !action || outcome.status == ScanStatus::error))
        return outcome;
    outcome.scan = !ruling.ok();
    outcome.action = ruling.ok() ? Action::accept : *action;
    outcome.rule = "access";
    outcome.place = ruling.source + " " + ruling.key;
    outcome.reason = ruling.reason;
    outcome.reply = ruling.reply;
    return outcome;
}

}  // namespace policy::scan
