// Copies in our own folder, and notices: what others learn of a message.
#pragma once

#include <string>

#include "milters/virus/transaction.h"
#include "policy/scan/plan.h"

namespace milters::virus {

/// Whether virus.quarantine.copies names the action.
bool wants_copy(const Runtime& runtime, policy::scan::Action action);

/// Keeps the message in virus.quarantine.folder; returns its id.
/// @param whole  the message itself, whatever virus.quarantine.what says
policy::Result<std::string> keep_copy(const Runtime& runtime,
                                      const Transaction& mail,
                                      const policy::scan::Verdict& verdict,
                                      const policy::scan::Plan& plan,
                                      bool whole);

/// Tells administrators, sender and recipients as virus.notify says.  Returns
/// at once.
/// @param kept  id of the copy, or empty
void notify(const Runtime& runtime, const Transaction& mail,
            const policy::scan::Verdict& verdict,
            const policy::scan::Plan& plan, const std::string& kept,
            const std::string& host);

/// Tells administrators that want to know of `word`: "fault" or "update".
void notify_admins(const Runtime& runtime, const std::string& word,
                   const std::string& info);

}  // namespace milters::virus
