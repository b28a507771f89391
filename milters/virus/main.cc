// virus-milter: all mail scanned for viruses.  See virus-milter(8).
#include <sysexits.h>
#include <unistd.h>

#include <iostream>

#include "milters/milter/daemon.h"
#include "milters/milter/options.h"
#include "milters/milter/prepare.h"
#include "milters/scanner/command.h"
#include "milters/virus/control.h"
#include "milters/virus/copies.h"
#include "milters/virus/runtime.h"
#include "milters/virus/session.h"
#include "policy/scan/store.h"

namespace {

using namespace milters;
using policy::fail;
using policy::Status;
using Level = policy::Log::Level;

constexpr const char* name = "virus-milter";
constexpr const char* purpose =
    "Has every message scanned by virus-scanner(8) and acts by what it finds.";

/// How long a reload waits for new signatures.
constexpr std::chrono::minutes load_limit{10};

using ConfigPtr = std::shared_ptr<const policy::config::Config>;

/// Everything that lives from start to stop.
class VirusMilter {
public:
    VirusMilter(milter::Options options, ConfigPtr config)
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
    Status start();
    void reload();
    Status take_over(ConfigPtr config);
    policy::Result<std::shared_ptr<scanner::Pool>> pool_for(
        const policy::config::Config& config);
    std::function<void(bool, const std::string&)> scanner_log();
    void tell_admins(bool alarm, const std::string& text);
    std::shared_ptr<scanner::Pool> pool() const;
    void set_pool(std::shared_ptr<scanner::Pool> pool);
    virus::ControlLinks control_links();
    Status bind();
    Level level(const policy::config::Config& config) const
    {
        return options_.verbose ? Level::debug
                                : policy::Log::level_of(config.log.level);
    }

    milter::Options options_;
    ConfigPtr config_;
    policy::Log log_;
    virus::Current current_;
    std::shared_ptr<scanner::Pool> pool_;
    std::string pool_settings_;      ///< that pool_ was made of
    mutable std::mutex pool_mutex_;  ///< guards pool_, which control asks
    std::shared_ptr<virus::Lasting> lasting_ =
        std::make_shared<virus::Lasting>();
    std::unique_ptr<virus::Control> control_;
    milter::Program program_{};
    milter::Service service_{};
};

Status VirusMilter::prepare()
{
    return milter::prepare(service_, options_, config_->user, config_->virus);
}

/// The settings of a pool as text, to see whether a reload changes them.
std::string text_of(const scanner::PoolOptions& options)
{
    std::string out = options.command.program;
    for (const auto& argument : options.command.arguments)
        out += '\0' + argument;
    return out + '\0' + std::to_string(options.deadline.count()) + ' ' +
           std::to_string(options.attempt.count()) + ' ' +
           std::to_string(options.max_waiting) + ' ' +
           std::to_string(options.watch.count()) + ' ' +
           (options.serial ? "serial" : "beside");
}

std::function<void(bool, const std::string&)> VirusMilter::scanner_log()
{
    return [this](bool alarm, const std::string& text) {
        log_.line(alarm ? Level::error : Level::info, "",
                  "virus: " + policy::printable(text));
        tell_admins(alarm, text);
    };
}

/// Of faults at most once a minute.
void VirusMilter::tell_admins(bool alarm, const std::string& text)
{
    const auto runtime = current_.get();
    if (!runtime)
        return;
    const auto minute = runtime->now().time_since_epoch().count() / 60;
    if (!alarm)
        virus::notify_admins(*runtime, "update", text);
    else if (lasting_->fault_told.exchange(minute) != minute)
        virus::notify_admins(*runtime, "fault", text);
}

std::shared_ptr<scanner::Pool> VirusMilter::pool() const
{
    const std::lock_guard lock{pool_mutex_};
    return pool_;
}

void VirusMilter::set_pool(std::shared_ptr<scanner::Pool> pool)
{
    const std::lock_guard lock{pool_mutex_};
    pool_.swap(pool);
}

virus::ControlLinks VirusMilter::control_links()
{
    virus::ControlLinks links;
    links.runtime = [this] { return current_.get(); };
    links.pool = [this]() -> std::optional<scanner::PoolState> {
        if (const auto now = pool())
            return now->state();
        return std::nullopt;
    };
    links.reload = [this] {
        if (const auto now = pool())
            now->reload();
    };
    links.config_file = options_.config;
    links.started = policy::system_now();
    return links;
}

/// Where mail is kept must be there before mail comes.
Status prepare_folder(const policy::scan::QuarantineSettings& settings)
{
    if (!settings.in_folder && settings.copies.empty())
        return {};
    return policy::scan::Store{settings.folder}.prepare();
}

/// The pool that runs, told to load anew, or another one for other settings,
/// which is handed out once it is ready.  The first one may still be loading:
/// mail that comes meanwhile waits for it.
policy::Result<std::shared_ptr<scanner::Pool>> VirusMilter::pool_for(
    const policy::config::Config& config)
{
    auto options = scanner::pool_options(config.virus);
    auto settings = text_of(options);
    if (pool_ && settings == pool_settings_) {
        pool_->reload();
        return pool_;
    }
    options.log = scanner_log();
    auto pool = std::make_shared<scanner::Pool>(std::move(options));
    if (pool_)
        if (const auto ready = pool->wait_ready(load_limit); !ready)
            return fail(ready.error());
    pool_settings_ = std::move(settings);
    return pool;
}

/// Sessions get the new configuration once its scanner is ready; until then
/// the old one scans, and no message waits for a reload.
Status VirusMilter::take_over(ConfigPtr config)
{
    auto runtime = std::make_shared<virus::Runtime>();
    if (auto folder = prepare_folder(config->virus.quarantine); !folder)
        return folder;
    auto texts =
        policy::scan::NoticeTexts::load(config->virus.notify.templates);
    if (!texts)
        return fail(texts.error());
    runtime->texts =
        std::make_shared<const policy::scan::NoticeTexts>(std::move(*texts));
    if (config->virus.split_recipients && !lasting_->answers_rcpt)
        log_.line(Level::warning, "",
                  "virus.recipients: split begins with the next start");
    if (!config->virus.skip_access.empty())
        runtime->access =
            policy::map::open_file(config->virus.skip_access, false);
    if (config->virus.engine == "clamd") {
        set_pool(nullptr);
        runtime->scanner = std::make_shared<scanner::ClamdPool>(
            scanner::clamd_options(config->virus, scanner_log()));
    } else {
        auto pool = pool_for(*config);
        if (!pool)
            return fail(pool.error());
        set_pool(*pool);
        runtime->scanner = std::move(*pool);
    }
    runtime->cache =
        std::make_shared<policy::scan::VerdictCache>(config->virus.cache);
    runtime->lasting = lasting_;
    runtime->config = std::move(config);
    current_.set(std::move(runtime));
    return {};
}

Status VirusMilter::bind()
{
    control_ = std::make_unique<virus::Control>(control_links());
    return control_->bind(config_->virus, service_.account, service_.names);
}

Status VirusMilter::start()
{
    lasting_->mailer =
        std::make_unique<virus::Mailer>([this](const std::string& what) {
            log_.line(Level::error, "", "virus: " + policy::printable(what));
        });
    if (auto taken = take_over(config_); !taken)
        return taken;
    return control_->start();
}

void VirusMilter::reload()
{
    const auto loaded = policy::config::load(options_.config);
    auto problems = loaded.problems;
    if (loaded.config)
        if (const auto taken = take_over(loaded.config); !taken)
            problems.push_back(taken.error().text);
    for (const auto& problem : problems)
        log_.line(Level::error, "", policy::printable(problem));
    if (!problems.empty())
        return log_.line(Level::error, "",
                         "reload failed: the old configuration stays");
    log_.reopen(level(*loaded.config), loaded.config->log.decisions);
    log_.line(Level::info, "", "reloaded " + options_.config);
}

int VirusMilter::check()
{
    if (const auto fine = prepare(); !fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    const auto program = scanner::command_for(config_->virus).program;
    if (config_->virus.engine == "libclamav" &&
        ::access(program.c_str(), X_OK) != 0) {
        std::cerr << name << ": " << program << ": cannot be run\n";
        return EX_CONFIG;
    }
    if (options_.verbose)
        std::cout << policy::config::print(*config_);
    return EX_OK;
}

int VirusMilter::run()
{
    if (const auto fine = prepare(); !fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    program_.name = name;
    lasting_->log = &log_;
    lasting_->clock = policy::system_now;
    lasting_->test_mode = options_.test_mode;
    lasting_->answers_rcpt = config_->virus.split_recipients;
    program_.needs = virus::virus_needs(lasting_->answers_rcpt);
    program_.make_session = [this] {
        return std::make_unique<virus::VirusSession>(current_.get());
    };
    program_.log = [this](const std::string& id, const std::string& what) {
        log_.line(Level::error, id,
                  "virus: internal error: " + policy::printable(what));
    };
    service_.program = &program_;
    service_.log = &log_;
    service_.bind = [this] { return bind(); };
    service_.start = [this] { return start(); };
    service_.reload = [this] { reload(); };
    // Handlers may still run and use the rest.
    service_.stop = [this] { control_->stop(); };
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
    VirusMilter milter{*parsed.options, loaded.config};
    return parsed.options->check_only ? milter.check() : milter.run();
}
