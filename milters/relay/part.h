// relay-milter as a whole: what starts, what a reload changes, what stops.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milters/milter/part.h"
#include "milters/relay/assemble.h"
#include "milters/relay/grants.h"
#include "milters/relay/logins.h"
#include "milters/relay/servers.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/relayers/protected.h"

namespace milters::relay {

/// Everything that lives from start to stop.
class RelayPart final : public milter::Part {
public:
    explicit RelayPart(milter::Surroundings around);

    milter::Needs needs() const override;
    std::unique_ptr<milter::Session> make_session() override;
    policy::config::Problems check() override;
    policy::config::Problems remarks(
        const policy::config::Config& config) const override;
    policy::Status bind(const std::optional<milter::Account>& account,
                        std::vector<std::string>& names) override;
    milter::Prepared prepare(milter::ConfigPtr config) override;
    policy::Status start() override;
    void stop() override;

private:
    ControlLinks control_links();
    Logins::Links login_links();

    bool has_grants();
    policy::Result<std::shared_ptr<policy::relayers::Store>> open_store();
    Assembled assembled(milter::ConfigPtr config, bool with_store);
    void take_over(std::shared_ptr<const Runtime> runtime);
    void take_over_logins(const policy::config::Relayers& settings);
    void heard(const policy::relayers::Login& login);
    bool is_off_limits(const policy::ClientAddr& client);
    bool is_known(const policy::relayers::Login& login);
    std::shared_ptr<policy::relayers::Store> store() const
    {
        return grants_ ? grants_->store() : nullptr;
    }

    policy::Log& log() const { return *around_.log; }

    milter::Surroundings around_;
    Current current_;
    control::Feed feed_;
    std::mutex stop_mutex_;  ///< no configuration is taken over in a stop
    bool stopped_ = false;
    std::unique_ptr<Grants> grants_;
    Servers servers_;
    Logins logins_;
    std::mutex sink_mutex_;  ///< guards the two below
    policy::relayers::LoginSink sink_;
    std::shared_ptr<policy::relayers::Protected> off_limits_;
    std::chrono::steady_clock::time_point refreshed_{};  ///< loop's thread
};

/// For the table of parts.
std::unique_ptr<milter::Part> make_part(milter::Surroundings around);

inline constexpr milter::PartKind part{"relay-milter", "relay", make_part};

}  // namespace milters::relay
