// Mail that is not scanned.
#pragma once

#include <string>

#include "milters/virus/transaction.h"

namespace milters::virus {

using Rulings = policy::map::TagMap::Rulings;

/// What access.db says of these recipients of the message.  A map that cannot
/// be read, which is told in the log, says nothing.
Rulings ask_access(const Runtime& runtime, const Transaction& mail,
                   const std::vector<std::string>& rcpts);

/// Why a message is not scanned; empty: it is.
///
///     released    it was kept, and an administrator lets it go
///     login, network, access, group    as virus.skip and groups say
std::string exemption(const Runtime& runtime, const Transaction& mail);

}  // namespace milters::virus
