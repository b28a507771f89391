#include "milters/postern/filter_host.h"

#include <filesystem>
#include <iostream>

#include "milters/filter/launcher.h"
#include "policy/filter/settings.h"
#include "policy/map/map.h"

namespace milters::postern {
namespace {

using policy::config::Config;
using policy::recipe::Plan;
using policy::recipe::ProgramResult;
using policy::recipe::Scope;

std::string folder_of(const Config& config, const std::string& rc)
{
    const auto& filter = config.filter;
    const std::string usual =
        filter.site_rc.substr(0, filter.site_rc.rfind('/') + 1);
    if (filter.include_dir != usual)
        return filter.include_dir;
    std::error_code error;
    return std::filesystem::absolute(rc, error).parent_path().string() + "/";
}

}  // namespace

FilterHost::FilterHost(std::shared_ptr<const Config> config,
                       const std::string& rc)
    : config_{std::move(config)},
      folder_{folder_of(*config_, rc)},
      files_{config_->filter.programs,
             [](const std::string& text) {
                 std::cerr << "postern: " << text << '\n';
             }},
      lookups_{policy::map::open_file(config_->filter.access, false),
               config_->filter.classes}
{
}

FilterHost::~FilterHost() = default;

std::shared_ptr<const Plan> FilterHost::rc_file(const std::string&,
                                                const std::string& full_path,
                                                Scope scope)
{
    policy::filter::RcRules rules;
    rules.scope = scope;
    rules.beneath = folder_;
    return files_.get(full_path, rules).plan;
}

ProgramResult FilterHost::run_program(const std::vector<std::string>& words,
                                      std::string_view input)
{
    using milters::filter::Launcher;
    if (!launcher_) {
        const auto account =
            milter::Account::find(config_->filter.program_user);
        if (!account)
            return {127, {}, account.error().text};
        auto started = Launcher::start(*account);
        if (!started)
            return {127, {}, started.error().text};
        launcher_ = std::move(*started);
    }
    return launcher_->run(words, input, config_->filter.program_time);
}

policy::Result<std::optional<std::string>> FilterHost::lookup(
    const std::string& map, const std::string& key, Scope scope)
{
    return lookups_.find(map, key, scope);
}

const std::vector<std::string>& FilterHost::programs() const
{
    return config_->filter.programs;
}

policy::filter::Settings FilterHost::settings() const
{
    return policy::filter::settings_of(config_->filter);
}

policy::filter::RcFiles::Got FilterHost::main_file(const std::string& path)
{
    auto got = files_.get(path, {});
    if (got.state == policy::filter::RcFiles::Got::State::missing)
        std::cerr << "postern: " << path << ": is not there\n";
    return got;
}

}  // namespace milters::postern
