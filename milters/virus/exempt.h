// Mail that is not scanned.
#pragma once

#include <string>

#include "milters/virus/transaction.h"

namespace milters::virus {

/// Why a message is not scanned; empty: it is.  A map that cannot be read
/// exempts nobody.
///
///     released    it was kept, and an administrator lets it go
///     login, network, access, group    as virus.skip and groups say
std::string exemption(const Runtime& runtime, const Transaction& mail);

}  // namespace milters::virus
