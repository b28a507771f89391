// Does what was planned about a message.
#pragma once

#include <string>

#include "milters/virus/scanning.h"

namespace milters::virus {

/// Writes our headers and takes away what the sender wrote in their names.
/// @return false: the MTA does not take the changes
bool mark(const Runtime& runtime, milter::Context& mta, const Transaction& mail,
          const std::string& status, bool tag);

/// Obeys; whatever cannot be done ends in a 4xx.
/// @param kept  set to the id under which a copy was kept
milter::Answer obey(const Runtime& runtime, milter::Context& mta,
                    const Transaction& mail,
                    const policy::scan::Verdict& verdict,
                    const policy::scan::Plan& plan, std::string& kept);

}  // namespace milters::virus
