// One message, several recipients: what SMTP allows to be done at its end.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "policy/decision.h"
#include "policy/scan/policy.h"

namespace policy::scan {

/// What becomes of the message.  SMTP has one answer for all recipients at
/// the end of data, and one text for all: only discarding can be done for
/// some of them, by taking them off the envelope.  Of all else the strictest
/// counts for everybody, so that nobody gets what a rule keeps from him and
/// nobody loses a message without an answer to the sender.
struct Plan {
    Action action = Action::accept;
    Outcome outcome{};                 ///< that decided
    std::vector<std::size_t> removed;  ///< recipients taken off, by index
    bool mixed = false;                ///< recipients' own outcomes differed
};

/// @param outcomes  one a recipient; none: accept
Plan combine(const std::vector<Outcome>& outcomes);

/// The SMTP reply of a refusal.  REQUIRES action reject or tempfail.
/// @param reject_text  of the configuration, with %s for the signature; an
///                     outcome with a reply of its own does not need it
Reply reply_for(const Outcome& outcome, const std::string& reject_text);

/// `text`, and the rule's reason in parentheses if it has one.
std::string with_reason(const Outcome& outcome, std::string text);

/// Whether an attachment that is not wanted decided.
bool is_filtered(const Outcome& outcome);

/// The status as text; `filtered` where nothing but such an attachment was
/// found.
std::string status_word(const Verdict& verdict, const Outcome& outcome);

/// The same with the signature or the name of the attachment: for header,
/// notice and the MTA's reason.
std::string describe(const Verdict& verdict, const Outcome& outcome);

/// "clean", "infected (Eicar)", ...: for header and log.
std::string describe(ScanStatus status, const std::string& signature);

}  // namespace policy::scan
