// filter-milter: procmail recipes while the SMTP client waits.  See
// filter-milter(8).
#include <sysexits.h>
#include <unistd.h>

#include <iostream>

#include "milters/filter/launcher.h"
#include "milters/filter/runtime.h"
#include "milters/filter/session.h"
#include "milters/milter/daemon.h"
#include "milters/milter/options.h"
#include "milters/milter/prepare.h"
#include "policy/map/class_file.h"

namespace {

using namespace milters;
using policy::fail;
using policy::Status;
using policy::filter::RcFiles;
using Level = policy::Log::Level;

constexpr const char* name = "filter-milter";
constexpr const char* purpose =
    "Runs procmail recipes on mail and does what they say while the SMTP "
    "client waits.";

using ConfigPtr = std::shared_ptr<const policy::config::Config>;

std::string host_name()
{
    char text[256] = "";
    ::gethostname(text, sizeof text - 1);
    return text;
}

/// Everything that lives from start to stop.
class FilterMilter {
public:
    FilterMilter(milter::Options options, ConfigPtr config)
        : options_{std::move(options)},
          config_{std::move(config)},
          log_{{name, config_->log.facility, level(*config_),
                options_.foreground,
                options_.check_only ? "" : config_->log.decisions}}
    {
    }

    int check();
    int run();

private:
    Status prepare();
    Status start_launcher();
    void reload();
    policy::Result<std::shared_ptr<filter::Runtime>> make(ConfigPtr config);
    std::shared_ptr<RcFiles> files_for(const policy::config::Filter& filter);
    void alert(const std::string& text);
    void begin_collecting()
    {
        const std::lock_guard lock{mutex_};
        collecting_ = true;
    }
    /// The alerts since then, a line each.
    std::string collected()
    {
        const std::lock_guard lock{mutex_};
        collecting_ = false;
        std::string out;
        for (const std::string& text : problems_)
            out += (out.empty() ? "" : "\n") + text;
        problems_.clear();
        return out;
    }
    Level level(const policy::config::Config& config) const
    {
        return options_.verbose ? Level::debug
                                : policy::Log::level_of(config.log.level);
    }

    milter::Options options_;
    ConfigPtr config_;
    policy::Log log_;
    filter::Current current_;
    std::mutex mutex_;  ///< guards the next two
    bool collecting_ = false;
    std::vector<std::string> problems_;
    std::shared_ptr<RcFiles> files_;
    std::vector<std::string> programs_;  ///< that files_ allows
    std::shared_ptr<filter::Launcher> launcher_;
    std::shared_ptr<policy::filter::Apart> apart_ =
        std::make_shared<policy::filter::Apart>();
    std::shared_ptr<policy::filter::Seen> seen_ =
        std::make_shared<policy::filter::Seen>();
    milter::Program program_{};
    milter::Service service_{};
};

Status FilterMilter::prepare()
{
    return milter::prepare(service_, options_, config_->user, config_->filter);
}

/// While there is one thread, and still root if started so.
Status FilterMilter::start_launcher()
{
    if (config_->filter.programs.empty())
        return {};
    const auto account = milter::Account::find(config_->filter.program_user);
    if (!account)
        return fail(account.error());
    auto launcher = filter::Launcher::start(*account);
    if (!launcher)
        return fail(launcher.error());
    launcher_ = std::move(*launcher);
    return {};
}

policy::filter::Settings settings_of(const policy::config::Filter& filter)
{
    policy::filter::Settings out;
    out.null_rejects = filter.null_rejects;
    out.folder_header = filter.folder_header;
    out.quarantine_folders = filter.quarantine_folders;
    out.folder_as_recipient = filter.folder_as_recipient;
    out.user_actions = filter.user_actions;
    return out;
}

/// Domains whose recipients may have recipes.
policy::Result<std::set<std::string>> user_domains(
    const policy::config::Config& config)
{
    const auto& filter = config.filter;
    std::vector<std::string> all = filter.user_domains;
    if (all.empty() && !filter.user_rc.empty())
        for (const auto& path : config.relay.local_host_names) {
            const auto words = policy::map::read_class_file(
                path, policy::map::ClassFormat::all_words, false);
            if (!words)
                return fail(words.error());
            all.insert(all.end(), words->begin(), words->end());
        }
    std::set<std::string> out;
    for (std::string domain : all) {
        for (char& c : domain)
            if (c >= 'A' && c <= 'Z')
                c = static_cast<char>(c + ('a' - 'A'));
        out.insert(domain);
    }
    return out;
}

void FilterMilter::alert(const std::string& text)
{
    const std::lock_guard lock{mutex_};
    if (collecting_)
        problems_.push_back(text);
    else
        log_.line(Level::error, "", "filter: " + policy::printable(text));
}

/// The files go on as they are, with what was right in them, unless other
/// programs are allowed now.
std::shared_ptr<RcFiles> FilterMilter::files_for(
    const policy::config::Filter& filter)
{
    if (files_ && filter.programs == programs_)
        return files_;
    return std::make_shared<RcFiles>(
        filter.programs, [this](const std::string& text) { alert(text); });
}

/// Reads the site's recipes and what goes with them; an error has a line for
/// each mistake.
policy::Result<std::shared_ptr<filter::Runtime>> FilterMilter::make(
    ConfigPtr config)
{
    const auto& settings = config->filter;
    auto runtime = std::make_shared<filter::Runtime>();
    auto domains = user_domains(*config);
    if (!domains)
        return fail(domains.error());
    runtime->user_domains = std::move(*domains);
    runtime->files = files_for(settings);
    begin_collecting();
    const auto site = runtime->files->get(settings.site_rc, {});
    const std::string problems = collected();
    if (site.state == RcFiles::Got::State::broken)
        return fail(policy::Errc::parse, problems);
    if (site.state == RcFiles::Got::State::missing && settings.site_rc_given)
        return fail(policy::Errc::gone, settings.site_rc + ": is missing");
    if (!problems.empty())
        alert(problems);
    runtime->lookups = std::make_shared<policy::filter::Lookups>(
        policy::map::open_file(settings.access, false), settings.classes);
    runtime->settings = settings_of(settings);
    runtime->apart = apart_;
    runtime->seen = seen_;
    runtime->launcher = launcher_;
    runtime->host =
        config->relay.domain.empty() ? host_name() : config->relay.domain;
    runtime->clock = policy::system_now;
    runtime->log = &log_;
    runtime->test_mode = options_.test_mode;
    files_ = runtime->files;
    programs_ = settings.programs;
    runtime->config = std::move(config);
    return runtime;
}

void FilterMilter::reload()
{
    const auto loaded = policy::config::load(options_.config);
    auto problems = loaded.problems;
    if (loaded.config) {
        auto made = make(loaded.config);
        if (made)
            current_.set(std::move(*made));
        else
            problems.push_back(made.error().text);
    }
    for (const auto& problem : problems)
        log_.line(Level::error, "", policy::printable(problem));
    if (!problems.empty())
        return log_.line(Level::error, "",
                         "reload failed: the old configuration stays");
    if (!loaded.config->filter.programs.empty() && !launcher_)
        log_.line(Level::error, "",
                  "filter.programs: programs need a restart of the milter");
    log_.reopen(level(*loaded.config), loaded.config->log.decisions);
    log_.line(Level::info, "", "reloaded " + options_.config);
}

int FilterMilter::check()
{
    auto fine = prepare();
    if (fine)
        if (const auto made = make(config_); !made)
            fine = fail(made.error());
    if (!fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    if (options_.verbose)
        std::cout << policy::config::print(*config_);
    return EX_OK;
}

int FilterMilter::run()
{
    if (const auto fine = prepare(); !fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    program_.name = name;
    program_.needs = filter::filter_needs();
    program_.make_session = [this] {
        return std::make_unique<filter::FilterSession>(current_.get());
    };
    program_.log = [this](const std::string& id, const std::string& what) {
        log_.line(Level::error, id,
                  "filter: internal error: " + policy::printable(what));
    };
    service_.program = &program_;
    service_.log = &log_;
    service_.bind = [this] { return start_launcher(); };
    service_.start = [this]() -> Status {
        auto made = make(config_);
        if (!made)
            return fail(made.error());
        current_.set(std::move(*made));
        return {};
    };
    service_.reload = [this] { reload(); };
    service_.stop = [] {};
    return milter::serve(service_);
}

}  // namespace

int main(int argc, char** argv)
{
    const auto parsed = milter::parse_options(argc, argv, name, purpose);
    if (!parsed.options)
        return parsed.exit_code;
    const auto loaded = policy::config::load(parsed.options->config);
    for (const auto& problem : loaded.problems)
        std::cerr << name << ": " << problem << '\n';
    if (!loaded.config)
        return EX_CONFIG;
    FilterMilter milter{*parsed.options, loaded.config};
    return parsed.options->check_only ? milter.check() : milter.run();
}
