// How IPv6 addresses are spelled as keys of relayers.db.  Which spelling is
// asked for depends on how sendmail was built (IPV6_FULL) and on its option
// UseCompressedIPv6Addresses.
#pragma once

#include <string_view>
#include <vector>

#include "policy/map/bdb.h"

namespace policy::relayers {

enum class Ipv6Keys {
    full,        ///< `ipv6:2001:db8:0:0:0:0:0:1`, as key_of() has it
    compressed,  ///< `ipv6:2001:db8::1`
    both,
};

/// "full", "compressed", "both".
Ipv6Keys ipv6_keys_of(std::string_view name);

/// Changes with keys as of key_of(), as they are to be made in the file: an
/// address is written in the spellings asked for, and the other one goes.
/// Networks, which sendmail does not look up, stay as they are.  Pure.
std::vector<map::Change> spelled(const std::vector<map::Change>& changes,
                                 Ipv6Keys keys);

/// The same for the entries of a new file.
map::Entries spelled(map::Entries entries, Ipv6Keys keys);

}  // namespace policy::relayers
