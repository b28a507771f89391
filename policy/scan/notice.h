// Notices to administrators, senders and recipients: who gets one, and what
// it says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"
#include "policy/scan/aftermath.h"
#include "policy/scan/plan.h"

namespace policy::scan {

/// Values of a template's names; a name may have several.
using Macros = std::map<std::string, std::vector<std::string>>;

/// Fills a template:
///
///     %NAME%                          the value; several with ", " between
///     %CRLF% %TAB% \x                 line end, tab, the character x
///     # at the start of a line        a comment
///     <DEF NAME="value"/>             gives a name a value
///     <FOR NAME == "mask">...</FOR>   once for each value that matches; with
///                                     != for each that does not
///
/// Unknown names are empty.  Values are printed as they are, but control
/// bytes become blanks.  Pure.  Source: the template language of KavMilter 5.6.
std::string fill(std::string_view text, Macros macros);

/// The texts in force: "admin", "sender", "recipient", "fault", "update".
class NoticeTexts {
public:
    /// @param folder  files of these names replace the built-in texts; empty:
    ///                all built in.  Errc::io for a folder or file that cannot
    ///                be read, Errc::parse for one of more than 8 KiB.
    static Result<NoticeTexts> load(const std::string& folder);

    /// REQUIRES one of the names.
    const std::string& text(const std::string& name) const
    {
        return texts_.at(name);
    }

private:
    std::map<std::string, std::string> texts_;
};

/// What a notice is about.
struct Incident {
    MailFrom from;
    std::vector<std::string> rcpts;  ///< without brackets
    Outcome outcome;
    Action action = Action::accept;
};

/// Who is told of it.
struct Told {
    bool admins = false;
    bool sender = false;
    std::vector<std::string> rcpts;
};

/// A sender is told only if the client may use that address: it is local, has
/// authenticated, or is in `networks`; else the address may be forged and its
/// owner would get mail about what he never sent.  Nobody is told in answer
/// to a bounce.  Recipients of mail that leaves are told only if they are our
/// own.  Pure.
Told who_is_told(const NotifySettings& settings, const Incident& incident);

/// A message from the filled template, whose first line may be
/// `Subject: ...`.  Pure.
/// @param date  as RFC 5322 has it
std::string notice_message(const std::string& from, const std::string& to,
                           const std::string& date, const std::string& filled);

}  // namespace policy::scan
