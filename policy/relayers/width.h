// How wide a network may be that opens the relay.
#pragma once

#include "policy/address.h"

namespace policy::relayers {

/// No provider's network is wider: the largest blocks that are given out are
/// an IPv4 /8 and, to the registries, IPv6 blocks of some /12 to /23.
inline constexpr unsigned shortest_ipv4_prefix = 8;
inline constexpr unsigned shortest_ipv6_prefix = 16;

/// Whether the network holds so much of the Internet that a grant for it would
/// be an open relay.  Such a grant is refused; one that others wrote to
/// relayers.db is shown and can be deleted, and never counts.  Pure.
inline bool too_wide(const Network& network)
{
    const bool v4 = network.address().kind() == ClientAddr::Kind::v4;
    return network.bits() < (v4 ? shortest_ipv4_prefix : shortest_ipv6_prefix);
}

}  // namespace policy::relayers
