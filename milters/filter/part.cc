#include "milters/filter/part.h"

#include <unistd.h>

#include "milters/filter/session.h"
#include "milters/milter/setting.h"
#include "policy/filter/settings.h"
#include "policy/map/class_file.h"

namespace milters::filter {
namespace {

using policy::fail;
using policy::Status;
using Level = policy::Log::Level;

std::string host_name()
{
    char text[256] = "";
    ::gethostname(text, sizeof text - 1);
    return text;
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

}  // namespace

milter::Needs FilterPart::needs() const
{
    return filter_needs();
}

std::unique_ptr<milter::Session> FilterPart::make_session()
{
    return std::make_unique<FilterSession>(current_.get());
}

/// While there is one thread, and still root if started so.
Status FilterPart::bind(const std::optional<milter::Account>&,
                        std::vector<std::string>&)
{
    if (around_.config->filter.programs.empty())
        return {};
    const auto account =
        milter::Account::find(around_.config->filter.program_user);
    if (!account)
        return fail(account.error());
    auto launcher = Launcher::start(*account);
    if (!launcher)
        return fail(launcher.error());
    launcher_ = std::move(*launcher);
    return {};
}

void FilterPart::begin_collecting()
{
    const std::lock_guard lock{mutex_};
    collecting_ = true;
}

std::string FilterPart::collected()
{
    const std::lock_guard lock{mutex_};
    collecting_ = false;
    std::string out;
    for (const std::string& text : problems_)
        out += (out.empty() ? "" : "\n") + text;
    problems_.clear();
    return out;
}

void FilterPart::alert(const std::string& text)
{
    const std::lock_guard lock{mutex_};
    if (collecting_)
        problems_.push_back(text);
    else
        log().line(Level::error, "", "filter: " + policy::printable(text));
}

/// The files go on as they are, with what was right in them, unless other
/// programs are allowed now.
std::shared_ptr<FilterPart::RcFiles> FilterPart::files_for(
    const policy::config::Filter& filter)
{
    {
        const std::lock_guard lock{mutex_};
        if (files_ && filter.programs == programs_)
            return files_;
    }
    return std::make_shared<RcFiles>(
        filter.programs, [this](const std::string& text) { alert(text); });
}

/// A map that nobody asked for may be missing, and is told if it cannot be
/// read.
Status FilterPart::open_access(Runtime& runtime,
                               const policy::config::Config& config)
{
    const auto& filter = config.filter;
    std::shared_ptr<policy::map::Source> source;
    if (!filter.access.empty())
        source = policy::map::open_file(filter.access, false);
    runtime.lookups =
        std::make_shared<policy::filter::Lookups>(source, filter.classes);
    policy::map::TagMap map{source, policy::map::filter_tag,
                            filter.access_given};
    const auto readable = map.check();
    if (!readable && filter.access_given)
        return fail(readable.error().code,
                    config.values.place("filter.access") +
                        ": filter.access: " + readable.error().text);
    if (readable)
        runtime.access = std::move(map);
    else
        alert("filter.access: " + readable.error().text);
    return {};
}

/// Reads the site's recipes and what goes with them; an error has a line for
/// each mistake.
policy::Result<std::shared_ptr<Runtime>> FilterPart::make(
    milter::ConfigPtr config)
{
    const auto& settings = config->filter;
    auto runtime = std::make_shared<Runtime>();
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
    if (const auto readable = open_access(*runtime, *config); !readable)
        return fail(readable.error());
    runtime->settings = policy::filter::settings_of(settings);
    runtime->apart = apart_;
    runtime->seen = seen_;
    runtime->turns = turns_;
    runtime->launcher = launcher_;
    runtime->host =
        config->relay.domain.empty() ? host_name() : config->relay.domain;
    runtime->clock = policy::system_now;
    runtime->log = &log();
    runtime->test_mode = around_.options->test_mode;
    runtime->config = std::move(config);
    return runtime;
}

milter::Prepared FilterPart::prepare(milter::ConfigPtr config)
{
    auto made = make(std::move(config));
    if (!made)
        return milter::Prepared::failed(made.error());
    return {[this, runtime = std::shared_ptr<const Runtime>{*made}] {
                take_over(runtime);
            },
            {}};
}

void FilterPart::take_over(const std::shared_ptr<const Runtime>& runtime)
{
    const auto& filter = runtime->filter();
    if (!filter.programs.empty() && !launcher_)
        log().line(Level::error, "",
                   "filter.programs: programs need a restart of the milter");
    {
        const std::lock_guard lock{mutex_};
        files_ = runtime->files;
        programs_ = filter.programs;
    }
    current_.set(runtime);
}

policy::config::Problems FilterPart::check()
{
    const auto& config = *around_.config;
    policy::config::Problems problems;
    if (const auto made = make(around_.config); !made)
        problems = milter::Prepared::failed(made.error()).problems;
    for (const auto& program : config.filter.programs)
        milter::complain(problems, config, "filter.programs",
                         milter::why_not_runnable(program));
    for (const auto& [name, path] : config.filter.classes)
        if (path != config.mail_dir + "/" + name)  // these may be missing
            milter::complain(problems, config, "filter.classes",
                             milter::why_not_readable(path));
    return problems;
}

std::unique_ptr<milter::Part> make_part(milter::Surroundings around)
{
    return std::make_unique<FilterPart>(std::move(around));
}

}  // namespace milters::filter
