// From a login to grants.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/relayers/login.h"
#include "policy/relayers/protected.h"
#include "policy/relayers/store.h"

namespace policy::relayers {

struct GrantingSettings {
    /// IPv6 hosts change the lower half of their address within minutes, so
    /// a login can open its prefix of so many bits; 128: only the address.
    unsigned ipv6_prefix = 64;
    std::chrono::seconds window{1800};
    Clock clock = system_now;
    /// Gets the store's error when a grant could not be kept.
    std::function<void(const Login&, const Error&)> failed{};
    /// Gets logins from protected addresses, which open nothing.
    std::function<void(const Login&)> refused{};
};

/// What a login opens: its address, which is all that `K relayers` can find,
/// and for IPv6 the prefix beside it, unless something protected lies in that
/// or it is shared by strangers (link-local addresses, NAT64).
/// A time in the future counts as now, since it would be a pin.  Empty for a
/// protected address.  Pure.
std::vector<Grant> grants_of(const Login& login, const Protected& off_limits,
                             unsigned ipv6_prefix, Seconds now);

/// A sink that keeps each login in `store`.  A grant that lasts longer (an
/// administrator's pin) is not replaced, and one that is over already (a log
/// read late) not stored.
LoginSink granting_sink(std::shared_ptr<Store> store,
                        std::shared_ptr<const Protected> off_limits,
                        GrantingSettings settings);

}  // namespace policy::relayers
