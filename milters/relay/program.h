// relay-milter as a whole: what starts, what a reload changes, what stops.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "milters/milter/daemon.h"
#include "milters/milter/options.h"
#include "milters/relay/assemble.h"
#include "milters/relay/grants.h"
#include "milters/relay/logins.h"
#include "milters/relay/servers.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/relayers/protected.h"

namespace milters::relay {

inline constexpr const char* program_name = "relay-milter";
inline constexpr const char* purpose =
    "Decides who may relay mail through this host: a milter for sendmail and "
    "Postfix,\na socketmap and policy server, and the keeper of "
    "POP-before-SMTP grants.";

/// Everything that lives from start to stop.  check() and run() are for the
/// main thread; reload() for any.
class RelayMilter {
public:
    using ConfigPtr = std::shared_ptr<const policy::config::Config>;

    RelayMilter(milter::Options options, ConfigPtr config);

    /// -n.  @return exit code
    int check();
    /// @return exit code of a start that failed; else the process ends in it
    int run();

private:
    policy::Log::Options log_options() const;
    policy::Log::Level level(const policy::config::Config& config) const;
    policy::Status prepare();
    int complain(const policy::Error& error) const;

    policy::Status bind();
    policy::Status start();
    policy::config::Problems reload();
    ControlLinks control_links();
    Logins::Links login_links();
    void stop();

    policy::Result<std::shared_ptr<policy::relayers::Store>> open_store();
    policy::config::Problems take_over(ConfigPtr config, bool with_store);
    void take_over_logins(const policy::config::Relayers& settings);
    void heard(const policy::relayers::Login& login);
    bool is_off_limits(const policy::ClientAddr& client);
    bool is_known(const policy::relayers::Login& login);
    std::shared_ptr<policy::relayers::Store> store() const
    {
        return grants_ ? grants_->store() : nullptr;
    }

    milter::Options options_;
    ConfigPtr config_;  ///< the one we started with
    policy::Log log_;
    Current current_;
    control::Feed feed_;
    std::mutex reload_mutex_;
    std::unique_ptr<Grants> grants_;
    Servers servers_;
    Logins logins_;
    std::mutex sink_mutex_;  ///< guards the two below
    policy::relayers::LoginSink sink_;
    std::shared_ptr<policy::relayers::Protected> off_limits_;
    std::chrono::steady_clock::time_point refreshed_{};  ///< loop's thread
    milter::Program program_{};
    milter::Service service_{};
};

}  // namespace milters::relay
