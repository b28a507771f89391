// The control socket: what vsmtprelay and postern ask and tell a relay-milter
// that runs.  Grants are handled by milters/control; status and reload here.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "milters/control/feed.h"
#include "milters/control/protocol.h"
#include "milters/net/server.h"
#include "milters/relay/logins.h"
#include "milters/relay/runtime.h"

namespace milters::relay {

/// What the commands work on.  `store` may give null: no grants are kept.
/// Everything may be called from any thread.
struct ControlLinks {
    std::function<std::shared_ptr<policy::relayers::Store>()> store;
    std::function<std::shared_ptr<const Runtime>()> runtime;
    const control::Feed* feed = nullptr;
    /// Null before the listeners are there and after they have gone.
    const Logins* logins = nullptr;
    std::string config_file;
    policy::Seconds started{};
    /// Takes a new configuration over and returns its problems; waits.
    std::function<policy::config::Problems()> reload;
};

/// Answers one line.  Beside the commands of control/handler.h:
///
///   status   program, version, pid, started, config, test_mode, sessions,
///            handlers (that run now), relayers (numbers of the store),
///            logins (numbers of each listener)
///   reload   answers when the new configuration is in force; else exit 78
///            and every problem, one a line
std::string answer_control(const std::string& line, const ControlLinks& links);

/// The protocol for net::Server.
net::Protocol control_protocol(ControlLinks links);

/// Grants in one answer: 50 ms and some megabytes.
inline constexpr std::size_t control_page = 50'000;

/// A million grants may be imported, and a reload may read large maps.
inline constexpr net::Limits control_limits{std::chrono::seconds{60},
                                            std::chrono::seconds{30}, 100};

}  // namespace milters::relay
