// virus-milter as a whole: what starts, what a reload changes, what stops.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milters/milter/part.h"
#include "milters/scanner/pool.h"
#include "milters/virus/control.h"
#include "milters/virus/runtime.h"

namespace milters::virus {

/// Everything that lives from start to stop.
class VirusPart final : public milter::Part {
public:
    explicit VirusPart(milter::Surroundings around);

    milter::Needs needs() const override;
    std::unique_ptr<milter::Session> make_session() override;
    policy::config::Problems check() override;
    policy::Status bind(const std::optional<milter::Account>& account,
                        std::vector<std::string>& names) override;
    /// Sessions get the new configuration once its scanner is ready; until
    /// then the old one scans, and no message waits for a reload.
    std::chrono::seconds patience() const override;
    milter::Prepared prepare(milter::ConfigPtr config) override;
    policy::Status start() override { return control_->start(); }
    void stop() override { control_->stop(); }

private:
    /// A pool, and the settings that it was made of.
    struct Workers {
        std::shared_ptr<scanner::Pool> pool;
        std::string settings;
    };

    policy::Result<std::shared_ptr<Runtime>> make(milter::ConfigPtr config,
                                                  Workers& workers);
    policy::map::TagMap tag_map(const policy::config::Virus& virus);
    policy::Result<Workers> workers_for(const policy::config::Config& config);
    void take_over(const std::shared_ptr<const Runtime>& runtime,
                   const Workers& workers);
    std::function<void(bool, const std::string&)> scanner_log();
    void tell_admins(bool alarm, const std::string& text);
    std::shared_ptr<scanner::Pool> pool() const;
    ControlLinks control_links();

    milter::Surroundings around_;
    Current current_;
    mutable std::mutex pool_mutex_;  ///< guards the next, which control asks
    Workers workers_;
    std::shared_ptr<Lasting> lasting_ = std::make_shared<Lasting>();
    std::unique_ptr<Control> control_;
};

/// For the table of parts.
std::unique_ptr<milter::Part> make_part(milter::Surroundings around);

inline constexpr milter::PartKind part{"virus-milter", "virus", make_part};

}  // namespace milters::virus
