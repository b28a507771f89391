// A POP or IMAP login as some hook reported it, on its way to becoming a
// grant.
#pragma once

#include <functional>
#include <string>

#include "policy/address.h"
#include "policy/clock.h"

namespace policy::relayers {

/// One successful login.
struct Login {
    ClientAddr client;
    Seconds when{};
    std::string user;
    std::string service;  ///< "pop3" or "imap"
    std::string source;   ///< the hook: "auth-policy", "dict", "dgram", ...
};

/// Takes a report; never blocks for long and never throws: a login must not
/// wait for us or fail by us.
using LoginSink = std::function<void(const Login&)>;

}  // namespace policy::relayers
