// What a run of recipes means while the SMTP client still waits.
// Source: filterrc(5), "Meaning at SMTP time"; sysexits(3).
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/decision.h"
#include "policy/filter/header_edits.h"
#include "policy/recipe/message.h"
#include "policy/recipe/outcome.h"

namespace policy::filter {

/// The administrator's choices.
struct Settings {
    bool null_rejects = false;  ///< /dev/null refuses instead of discarding
    std::string folder_header = "X-Procmail-Folder";
    std::vector<std::string> quarantine_folders;  ///< held instead of filed
    /// Folders become user+folder in place of the recipient.
    bool folder_as_recipient = false;
    /// What recipes of users may do: discard reject tempfail forward folder
    /// edit quarantine.
    std::vector<std::string> user_actions = {"discard",   "reject", "tempfail",
                                             "forward",   "folder", "edit",
                                             "quarantine"};

    bool user_may(const char* action) const;
};

/// The answer for one recipient's copy.
struct SmtpOutcome {
    Verdict verdict = Verdict::accept;
    Reply reply{};                      ///< of reject and tempfail
    std::string quarantine;             ///< reason, if held
    bool redirected = false;            ///< the recipient gets no copy himself
    std::vector<std::string> forwards;  ///< addresses that get one
    std::vector<HeaderEdit> headers;
    std::optional<std::string> body{};  ///< another one, LF line ends
    std::string folder;  ///< that the delivery agent should file it in
    std::vector<std::string> log;    ///< LOG=
    std::vector<std::string> notes;  ///< what could not be done as written
    std::string where;               ///< the recipe that decided
    std::string source;              ///< file:line of it

    friend bool operator==(const SmtpOutcome&, const SmtpOutcome&);
};

/// Turns a run into an answer.  `before` is the message that the run got.
/// A run that a limit stopped is a temporary failure.
SmtpOutcome at_smtp_time(const recipe::Outcome& run,
                         const recipe::Message& before,
                         const Settings& settings);

/// The reply for an exit code other than 0.
Reply reply_for_exit(int code);

/// What is said where no text is given.
Reply usual_refusal(bool temporary);

/// "550 5.7.1 text", "5.7.1 text" or "text"; what is missing comes from
/// `otherwise`.  A code of another class than `otherwise` has is not taken.
Reply read_reply(const std::string& text, const Reply& otherwise);

}  // namespace policy::filter
