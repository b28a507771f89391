// filter-milter as a whole: what starts, what a reload changes.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milters/filter/launcher.h"
#include "milters/filter/runtime.h"
#include "milters/milter/part.h"

namespace milters::filter {

/// Everything that lives from start to stop.
class FilterPart final : public milter::Part {
public:
    explicit FilterPart(milter::Surroundings around)
        : around_{std::move(around)}
    {
    }

    milter::Needs needs() const override;
    std::unique_ptr<milter::Session> make_session() override;
    policy::config::Problems check() override;
    /// Starts the launcher of programs, if any is allowed.
    policy::Status bind(const std::optional<milter::Account>& account,
                        std::vector<std::string>& names) override;
    milter::Prepared prepare(milter::ConfigPtr config) override;

private:
    using RcFiles = policy::filter::RcFiles;

    policy::Result<std::shared_ptr<Runtime>> make(milter::ConfigPtr config);
    std::shared_ptr<RcFiles> files_for(const policy::config::Filter& filter);
    policy::Status open_access(Runtime& runtime,
                               const policy::config::Config& config);
    void take_over(const std::shared_ptr<const Runtime>& runtime);
    void alert(const std::string& text);
    void begin_collecting();
    /// The alerts since then, a line each.
    std::string collected();
    policy::Log& log() const { return *around_.log; }

    milter::Surroundings around_;
    Current current_;
    std::mutex mutex_;  ///< guards the next four
    bool collecting_ = false;
    std::vector<std::string> problems_;
    std::shared_ptr<RcFiles> files_;
    std::vector<std::string> programs_;  ///< that files_ allows
    std::shared_ptr<Launcher> launcher_;
    std::shared_ptr<policy::filter::Apart> apart_ =
        std::make_shared<policy::filter::Apart>();
    std::shared_ptr<policy::filter::Seen> seen_ =
        std::make_shared<policy::filter::Seen>();
    std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
};

/// For the table of parts.
std::unique_ptr<milter::Part> make_part(milter::Surroundings around);

inline constexpr milter::PartKind part{"filter-milter", "filter", make_part};

}  // namespace milters::filter
