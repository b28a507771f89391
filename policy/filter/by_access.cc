#include "policy/filter/by_access.h"

namespace policy::filter {

SmtpOutcome by_access(const map::TagRuling& ruling)
{
    SmtpOutcome out;
    out.where = "access";
    out.source = ruling.source + " " + ruling.key;
    if (!ruling.understood)
        out.notes = {out.source + ": is not understood"};
    if (ruling.action == "discard") {
        out.verdict = Verdict::discard;
    } else if (ruling.action == "quarantine") {
        out.quarantine = ruling.reason.empty() ? ruling.key : ruling.reason;
    } else if (!ruling.ok()) {
        const bool temporary = ruling.action == "tempfail";
        out.verdict = temporary ? Verdict::tempfail : Verdict::reject;
        out.reply = ruling.reply.value_or(usual_refusal(temporary));
    }
    return out;
}

}  // namespace policy::filter
