#include "milters/virus/part.h"

#include "milters/milter/setting.h"
#include "milters/scanner/command.h"
#include "milters/virus/copies.h"
#include "milters/virus/session.h"
#include "policy/scan/database.h"
#include "policy/scan/store.h"

namespace milters::virus {
namespace {

using policy::fail;
using policy::Status;
using policy::map::TagMap;
using Level = policy::Log::Level;

/// How long a reload waits for new signatures.
constexpr std::chrono::minutes load_limit{10};

/// The settings of a pool as text, to see whether a reload changes them.
std::string text_of(const scanner::PoolOptions& options)
{
    std::string out = options.command.program;
    for (const auto& argument : options.command.arguments)
        out += '\0' + argument;
    return out + '\0' + std::to_string(options.deadline.count()) + ' ' +
           std::to_string(options.attempt.count()) + ' ' +
           std::to_string(options.load.count()) + ' ' +
           std::to_string(options.max_waiting) + ' ' +
           std::to_string(options.watch.count()) + ' ' +
           (options.serial ? "serial" : "beside");
}

/// REQUIRES a name of a map.
TagMap access_map(const policy::config::Virus& virus)
{
    return {policy::map::open_file(virus.skip_access, false),
            policy::map::virus_tag, virus.skip_access_given};
}

/// Where mail is kept must be there before mail comes.
Status prepare_folder(const policy::scan::QuarantineSettings& settings)
{
    if (!settings.in_folder && settings.copies.empty())
        return {};
    return policy::scan::Store{settings.folder}.prepare();
}

}  // namespace

VirusPart::VirusPart(milter::Surroundings around) : around_{std::move(around)}
{
    lasting_->log = around_.log;
    lasting_->clock = policy::system_now;
    lasting_->test_mode = around_.options->test_mode;
    lasting_->answers_rcpt = around_.config->virus.split_recipients;
}

milter::Needs VirusPart::needs() const
{
    return virus_needs(lasting_->answers_rcpt);
}

std::unique_ptr<milter::Session> VirusPart::make_session()
{
    return std::make_unique<VirusSession>(current_.get());
}

policy::config::Problems VirusPart::check()
{
    const auto& config = *around_.config;
    const auto& virus = config.virus;
    policy::config::Problems problems;
    const auto look = [&](const char* setting, const std::string& why) {
        milter::complain(problems, config, setting, why);
    };
    if (virus.engine == "libclamav") {
        const auto program = scanner::command_for(virus).program;
        look("virus.scanner", milter::why_not_runnable(program));
        look("virus.temp_dir", milter::why_not_writable(virus.temp_dir));
        const auto set = policy::scan::look_at_database(virus.scan.database);
        look("virus.database", set ? "" : set.error().text);
        for (const auto& file : virus.known_clean)
            look("virus.known_clean", milter::why_not_readable(file));
    }
    if (const auto texts =
            policy::scan::NoticeTexts::load(virus.notify.templates);
        !texts)
        look("virus.notify.templates", texts.error().text);
    if (virus.skip_access_given && !virus.skip_access.empty())
        if (const auto readable = access_map(virus).check(); !readable)
            look("virus.skip.access", readable.error().text);
    return problems;
}

std::function<void(bool, const std::string&)> VirusPart::scanner_log()
{
    return [this](bool alarm, const std::string& text) {
        lasting_->log->line(alarm ? Level::error : Level::info, "",
                            "virus: " + policy::printable(text));
        tell_admins(alarm, text);
    };
}

/// Of faults at most once a minute.
void VirusPart::tell_admins(bool alarm, const std::string& text)
{
    const auto runtime = current_.get();
    if (!runtime)
        return;
    const auto minute = runtime->now().time_since_epoch().count() / 60;
    if (!alarm)
        notify_admins(*runtime, "update", text);
    else if (lasting_->fault_told.exchange(minute) != minute)
        notify_admins(*runtime, "fault", text);
}

std::shared_ptr<scanner::Pool> VirusPart::pool() const
{
    const std::lock_guard lock{pool_mutex_};
    return workers_.pool;
}

ControlLinks VirusPart::control_links()
{
    ControlLinks links;
    links.runtime = [this] { return current_.get(); };
    links.pool = [this]() -> std::optional<scanner::PoolState> {
        if (const auto now = pool())
            return now->state();
        return std::nullopt;
    };
    links.reload = [this] {
        if (const auto now = pool())
            now->reload();
        if (const auto runtime = current_.get())
            runtime->cache->clear();
    };
    links.config_file = around_.options->config;
    links.started = policy::system_now();
    return links;
}

/// The pool that runs, told to load anew, or another one for other settings,
/// which is handed out once it is ready.  The first one may still be loading:
/// mail that comes meanwhile waits for it.
policy::Result<VirusPart::Workers> VirusPart::workers_for(
    const policy::config::Config& config)
{
    auto options = scanner::pool_options(config.virus);
    auto settings = text_of(options);
    Workers present;
    {
        const std::lock_guard lock{pool_mutex_};
        present = workers_;
    }
    if (present.pool && settings == present.settings) {
        present.pool->reload();
        return present;
    }
    options.log = scanner_log();
    options.command.silent = !around_.options->foreground;
    auto pool = std::make_shared<scanner::Pool>(std::move(options));
    if (present.pool)
        if (const auto ready = pool->wait_ready(load_limit); !ready)
            return fail(ready.error());
    return Workers{std::move(pool), std::move(settings)};
}

/// A map that nobody asked for and that cannot be read is told once; one that
/// was named may come to be readable.
TagMap VirusPart::tag_map(const policy::config::Virus& virus)
{
    if (virus.skip_access.empty())
        return TagMap{policy::map::virus_tag};
    TagMap map = access_map(virus);
    const auto readable = map.check();
    if (readable)
        return map;
    lasting_->log->line(Level::error, "",
                        "virus: virus.skip.access: " +
                            policy::printable(readable.error().text));
    return virus.skip_access_given ? map : TagMap{policy::map::virus_tag};
}

policy::Result<std::shared_ptr<Runtime>> VirusPart::make(
    milter::ConfigPtr config, Workers& workers)
{
    if (!lasting_->mailer)
        lasting_->mailer =
            std::make_unique<Mailer>([this](const std::string& what) {
                lasting_->log->line(Level::error, "",
                                    "virus: " + policy::printable(what));
            });
    auto runtime = std::make_shared<Runtime>();
    if (auto folder = prepare_folder(config->virus.quarantine); !folder)
        return fail(folder.error());
    auto texts =
        policy::scan::NoticeTexts::load(config->virus.notify.templates);
    if (!texts)
        return fail(texts.error());
    runtime->texts =
        std::make_shared<const policy::scan::NoticeTexts>(std::move(*texts));
    runtime->access = tag_map(config->virus);
    if (config->virus.engine == "clamd") {
        runtime->scanner = std::make_shared<scanner::ClamdPool>(
            scanner::clamd_options(config->virus, scanner_log()));
    } else {
        auto found = workers_for(*config);
        if (!found)
            return fail(found.error());
        workers = std::move(*found);
        runtime->scanner = workers.pool;
    }
    runtime->cache =
        std::make_shared<policy::scan::VerdictCache>(config->virus.cache);
    runtime->lasting = lasting_;
    runtime->config = std::move(config);
    return runtime;
}

std::chrono::seconds VirusPart::patience() const
{
    return load_limit + milter::Part::patience();
}

milter::Prepared VirusPart::prepare(milter::ConfigPtr config)
{
    Workers workers;
    auto runtime = make(std::move(config), workers);
    if (!runtime)
        return milter::Prepared::failed(runtime.error());
    return {
        [this, workers, runtime = std::shared_ptr<const Runtime>{*runtime}] {
            take_over(runtime, workers);
        },
        {}};
}

void VirusPart::take_over(const std::shared_ptr<const Runtime>& runtime,
                          const Workers& workers)
{
    if (runtime->virus().split_recipients && !lasting_->answers_rcpt)
        lasting_->log->line(Level::warning, "",
                            "virus.recipients: split begins with the next "
                            "start");
    auto old = workers;
    {
        const std::lock_guard lock{pool_mutex_};
        std::swap(workers_, old);
    }
    current_.set(runtime);
}

policy::Status VirusPart::bind(const std::optional<milter::Account>& account,
                               std::vector<std::string>& names)
{
    control_ = std::make_unique<Control>(control_links());
    return control_->bind(around_.config->virus, account, names);
}

std::unique_ptr<milter::Part> make_part(milter::Surroundings around)
{
    return std::make_unique<VirusPart>(std::move(around));
}

}  // namespace milters::virus
