// relay-milter's sockets other than the milter's own, and the loop and
// threads behind them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "milters/milter/process.h"
#include "milters/net/loop.h"
#include "milters/net/server.h"
#include "milters/net/workers.h"
#include "milters/relay/control.h"
#include "milters/relay/runtime.h"
#include "policy/config/config.h"

namespace milters::relay {

/// Bound while root, served as the account.  bind() and start() are called
/// once each, in this order, by the one thread of the start.
class Servers {
public:
    Servers(Current& current, ControlLinks control)
        : current_{current}, control_{std::move(control)}
    {
    }
    ~Servers();
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    /// @param names  gets the paths of the unix sockets
    policy::Status bind(const policy::config::Relay& config,
                        const std::optional<milter::Account>& account,
                        std::vector<std::string>& names);
    policy::Status start(const policy::config::Relay& config);
    /// Ends the loop's thread and the workers, and takes names away.
    void stop();

    /// Valid from bind() on; runs from start() on.
    net::Loop& loop() { return *loop_; }

private:
    struct Bound {
        net::ListenSocket socket;
        net::Protocol protocol;
        net::Limits limits;
    };
    /// A socket to be bound.
    struct Wanted {
        const policy::config::SocketSpec& spec;
        const std::string& group;
        unsigned mode;
        net::Protocol protocol;
        net::Limits limits;
    };

    policy::Status bind_one(Wanted wanted, const std::string& owner,
                            const std::optional<milter::Account>& account);

    Current& current_;
    ControlLinks control_;
    std::vector<Bound> bound_;
    std::unique_ptr<net::Loop> loop_;
    std::unique_ptr<net::Workers> workers_;
    std::vector<std::unique_ptr<net::Server>> servers_;
    std::thread thread_;
};

}  // namespace milters::relay
