// This host as recipes see it when postern runs them: with the files, maps
// and programs that the milter would have.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/config/config.h"
#include "policy/filter/lookups.h"
#include "policy/filter/rc_files.h"
#include "policy/filter/smtp.h"
#include "policy/recipe/world.h"

namespace milters::filter {
class Launcher;
}

namespace milters::postern {

/// Settings of `filter:` for one rc file of the site.  One thread.
class FilterHost : public policy::recipe::World {
public:
    /// @param config  its filter section counts
    /// @param rc      path of the rc file; without filter.include_dir, files
    ///                in its folder can be included
    FilterHost(std::shared_ptr<const policy::config::Config> config,
               const std::string& rc);
    ~FilterHost() override;

    std::shared_ptr<const policy::recipe::Plan> rc_file(
        const std::string& path, const std::string& full_path,
        policy::recipe::Scope scope) override;
    /// Starts listed programs as the milter does, as filter.program_user if
    /// this is root.
    policy::recipe::ProgramResult run_program(
        const std::vector<std::string>& words, std::string_view input) override;
    policy::Result<std::optional<std::string>> lookup(
        const std::string& map, const std::string& key,
        policy::recipe::Scope scope) override;

    const std::vector<std::string>& programs() const;
    policy::filter::Settings settings() const;
    /// The rc file itself; what is wrong with it is told on standard error.
    policy::filter::RcFiles::Got main_file(const std::string& path);

private:
    std::shared_ptr<const policy::config::Config> config_;
    std::string folder_;
    policy::filter::RcFiles files_;
    policy::filter::Lookups lookups_;
    std::shared_ptr<milters::filter::Launcher> launcher_;
};

}  // namespace milters::postern
