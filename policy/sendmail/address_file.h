// Users of this host, and the files that say where their mail goes.
#pragma once

#include <optional>
#include <string>

#include "policy/sendmail/flow.h"

namespace policy::sendmail {

/// In any case of letters; nullopt if there is none.
std::optional<Account> account_called(const std::string& name);
std::optional<Account> account_of(uid_t uid);

/// Reads a .forward or :include: file, as safefile() and safedirpath() of
/// sendmail look at it.
/// @param reader  by whose rights
AddressFile read_address_file(const std::string& path, const Account& reader);

}  // namespace policy::sendmail
