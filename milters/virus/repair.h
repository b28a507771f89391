// Makes a message harmless: parts are replaced by a notice or renamed.
#pragma once

#include <string>

#include "milters/virus/scanning.h"

namespace milters::virus {

/// Replaces each part that would not be delivered by itself with a notice,
/// and gives parts that are to be renamed other names.  What is left is
/// scanned again: if it is still not good, or if there are no such parts, the
/// notice takes the place of the whole body.  So it does once virus.deadline is
/// over.
/// @return false: the MTA does not take the changes
bool repair(const Runtime& runtime, milter::Context& mta,
            const Transaction& mail, const std::string& status);

}  // namespace milters::virus
