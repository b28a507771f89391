// The listeners that hear of POP and IMAP logins, as configured.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "milters/login/intake.h"
#include "milters/milter/process.h"
#include "milters/net/loop.h"
#include "policy/config/config.h"
#include "policy/relayers/login.h"

namespace milters::relay {

/// Owns them all.  They live on the loop's thread; destroy after it ended.
class Logins {
public:
    /// What the listeners share with the rest of the program.
    struct Links {
        policy::relayers::LoginSink sink;
        /// Whether a session that anvil names may renew a grant.
        std::function<bool(const policy::relayers::Login&)> known;
        std::function<void(const std::string&)> warn;
    };

    Logins();
    ~Logins();
    Logins(const Logins&) = delete;
    Logins& operator=(const Logins&) = delete;

    /// Binds and reads the secret; before root is dropped and before the
    /// loop runs.  Errors name the setting, with file:line.
    policy::Status bind(net::Loop& loop, const policy::config::Config& config,
                        const std::optional<milter::Account>& account,
                        const Links& links);

    /// Begins to follow logs; as the account, before the loop runs.
    policy::Status follow(net::Loop& loop, const policy::config::Config& config,
                          const Links& links);

    /// Closes them; after the loop has ended.
    void close();

    /// Name of each listener and its numbers, for the status.
    std::vector<std::pair<std::string, const login::Counters*>> counters()
        const;

private:
    struct Listeners;
    std::unique_ptr<Listeners> listeners_;
};

/// What bind() would trip over, found without listening: a secret that is
/// missing or that everybody may read, users and formats that do not exist.
policy::config::Problems check_logins(const policy::config::Config& config);

}  // namespace milters::relay
