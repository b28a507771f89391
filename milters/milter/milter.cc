#include "milters/milter/milter.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>
#include <utility>

#include "milters/milter/names.h"
#include "milters/milter/patience.h"
#include "milters/milter/signals.h"

namespace milters::milter {
namespace {

using policy::fail;
using policy::Status;
using policy::config::Problems;
using Level = policy::Log::Level;

/// A part, with what belongs to it alone.
struct Seat {
    PartKind kind;
    std::unique_ptr<policy::Log> log;  ///< null: that of the program
    std::unique_ptr<Part> part{};
};

/// Everything that lives from start to stop.
class Running {
public:
    Running(const Milter& milter, Options options, ConfigPtr config)
        : milter_{milter},
          options_{std::move(options)},
          config_{std::move(config)},
          log_{log_options(milter.name)}
    {
        for (const auto& kind : milter.parts(*config_)) {
            seats_.push_back(seat(kind));
            sections_.emplace_back(kind.section);
        }
        if (milter.combine)
            sections_.emplace_back("postern");
    }

    int check();
    int run();

private:
    policy::Log::Options log_options(const char* name) const;
    Seat seat(const PartKind& kind);
    Level level(const policy::config::Config& config) const;
    int complain(const Problems& problems) const;
    /// Who it runs as and where it listens.
    Problems prepare();
    Program program_of(Seat& seat);
    void open_logs(const policy::config::Config& config);
    Status bind();
    Status start();
    /// A configuration that all parts are ready for, or the problems.
    struct Ready {
        ConfigPtr config;
        Problems problems;
        std::vector<Prepared> all;
    };
    void make_ready(Ready& ready);
    Ready read_anew();
    /// The same, unless it takes too long.
    Ready read_in_time();
    void take_over(const Ready& ready);
    Problems remarks(const policy::config::Config& config) const;
    bool concerns_us(std::string_view setting) const;
    Problems reload();
    void stop();

    const Milter& milter_;
    Options options_;
    ConfigPtr config_;  ///< the one we started with
    policy::Log log_;
    std::vector<Seat> seats_;
    std::vector<std::string> sections_;  ///< of postern.yaml, that are ours
    std::mutex reload_mutex_;
    Patience patience_;
    Program program_{};
    Service service_{};
};

std::string lines_of(const Problems& problems)
{
    std::string all;
    for (const auto& problem : problems)
        all += problem + "\n";
    return all;
}

Level Running::level(const policy::config::Config& config) const
{
    return options_.verbose ? Level::debug
                            : policy::Log::level_of(config.log.level);
}

policy::Log::Options Running::log_options(const char* name) const
{
    // Nothing is opened as root, and nothing at all by -n.
    return {name, config_->log.facility, level(*config_), options_.foreground};
}

Seat Running::seat(const PartKind& kind)
{
    Seat seat{kind, nullptr};
    if (milter_.combine)
        seat.log = std::make_unique<policy::Log>(log_options(kind.program));
    seat.part =
        kind.make({&options_, config_, seat.log ? seat.log.get() : &log_,
                   [this] { return reload(); }});
    return seat;
}

int Running::complain(const Problems& problems) const
{
    for (const auto& problem : problems)
        std::cerr << milter_.name << ": " << problem << '\n';
    return problems.empty() ? EX_OK : EX_CONFIG;
}

Problems Running::prepare()
{
    auto problems = unknown_names(*config_, options_, sections_);
    if (!problems.empty())
        return problems;
    if (const auto fine = milter_.prepare(service_, options_, *config_); !fine)
        problems.push_back(fine.error().text);
    return problems;
}

int Running::check()
{
    if (const auto problems = prepare(); !problems.empty())
        return complain(problems);
    // As the user who will read the files.
    if (service_.account && geteuid() == 0)
        if (const auto fine = become(*service_.account); !fine)
            return complain({fine.error().text});
    Problems problems;
    for (auto& seat : seats_)
        for (auto& problem : seat.part->check())
            problems.push_back(std::move(problem));
    complain(remarks(*config_));
    if (options_.verbose)
        std::cout << policy::config::print(*config_);
    return complain(problems);
}

Program Running::program_of(Seat& seat)
{
    Program out;
    out.name = seat.kind.program;
    out.needs = seat.part->needs();
    out.make_session = [&part = *seat.part] { return part.make_session(); };
    auto& log = seat.log ? *seat.log : log_;
    out.log = [&log, section = seat.kind.section](const std::string& id,
                                                  const std::string& what) {
        log.line(Level::error, id,
                 std::string{section} +
                     ": internal error: " + policy::printable(what));
    };
    return out;
}

void Running::open_logs(const policy::config::Config& config)
{
    for (auto& seat : seats_)
        if (seat.log)
            seat.log->reopen(level(config), config.log.decisions);
    log_.reopen(level(config), milter_.combine ? "" : config.log.decisions);
}

Status Running::bind()
{
    for (auto& seat : seats_)
        if (auto bound = seat.part->bind(service_.account, service_.names);
            !bound)
            return bound;
    return {};
}

Status Running::start()
{
    open_logs(*config_);
    Ready first{config_, {}, {}};
    make_ready(first);
    if (!first.problems.empty())
        return fail(policy::Errc::parse, lines_of(first.problems));
    take_over(first);
    for (auto& seat : seats_)
        if (auto started = seat.part->start(); !started)
            return started;
    return {};
}

void Running::make_ready(Ready& ready)
{
    for (auto& seat : seats_) {
        ready.all.push_back(seat.part->prepare(ready.config));
        for (const auto& problem : ready.all.back().problems)
            ready.problems.push_back(problem);
    }
}

Running::Ready Running::read_anew()
{
    const auto loaded = policy::config::load(options_.config);
    Ready ready{loaded.config, loaded.problems, {}};
    if (ready.config)
        ready.problems = unknown_names(*ready.config, options_, sections_);
    if (ready.problems.empty())
        make_ready(ready);
    return ready;
}

Running::Ready Running::read_in_time()
{
    std::chrono::seconds limit{};
    for (const auto& seat : seats_)
        limit = std::max(limit, seat.part->patience());
    auto ready = patience_.wait<Ready>(limit, [this] { return read_anew(); });
    if (ready)
        return std::move(*ready);
    const auto why = options_.config +
                     ": not read, with all that it names, in " +
                     std::to_string(limit.count()) +
                     " s: a file is a pipe, is locked, or does not answer";
    return {nullptr, {patience_.over() ? "stopping" : why}, {}};
}

void Running::take_over(const Ready& ready)
{
    for (const auto& one : ready.all)
        one.take_over();
    for (const auto& remark : remarks(*ready.config))
        log_.line(Level::warning, "", policy::printable(remark));
}

Problems Running::remarks(const policy::config::Config& config) const
{
    Problems all;
    for (const auto& seat : seats_)
        for (auto& remark : seat.part->remarks(config))
            all.push_back(std::move(remark));
    return all;
}

bool Running::concerns_us(std::string_view setting) const
{
    const auto section = setting.substr(0, setting.find('.'));
    return section == setting || std::find(sections_.begin(), sections_.end(),
                                           section) != sections_.end();
}

Problems Running::reload()
{
    const std::lock_guard one_at_a_time{reload_mutex_};
    const auto ready = read_in_time();
    if (patience_.over())
        return {"stopping"};
    for (const auto& problem : ready.problems)
        log_.line(Level::error, "", policy::printable(problem));
    if (!ready.problems.empty()) {
        log_.line(Level::error, "",
                  "reload failed: the old configuration stays");
        return ready.problems;
    }
    take_over(ready);
    for (const auto& name : needs_restart(*config_, *ready.config))
        if (concerns_us(name))
            log_.line(Level::warning, "",
                      name + " has changed: restart to take it over");
    open_logs(*ready.config);
    log_.line(Level::info, "", "reloaded " + options_.config);
    return {};
}

void Running::stop()
{
    patience_.end();
    // What is being taken over is; nothing comes after it.
    reload_mutex_.lock();
    reload_mutex_.unlock();
    for (auto& seat : seats_)
        seat.part->stop();
}

int Running::run()
{
    if (const auto problems = prepare(); !problems.empty())
        return complain(problems);
    std::vector<Program> programs;
    for (auto& seat : seats_)
        programs.push_back(program_of(seat));
    program_ = milter_.combine
                   ? milter_.combine(milter_.name, std::move(programs))
                   : std::move(programs.front());
    service_.program = &program_;
    service_.log = &log_;
    service_.bind = [this] { return bind(); };
    service_.start = [this] { return start(); };
    service_.reload = [this] { reload(); };
    service_.stop = [this] { stop(); };
    return serve(service_);
}

}  // namespace

int run_milter(int argc, const char* const* argv, const Milter& milter)
{
    signals::block();
    const auto parsed = parse_options(argc, argv, milter.name, milter.purpose);
    if (!parsed.options)
        return parsed.exit_code;
    const auto loaded = policy::config::load(parsed.options->config);
    for (const auto& problem : loaded.problems)
        std::cerr << milter.name << ": " << problem << '\n';
    if (!loaded.config)
        return EX_CONFIG;
    Running running{milter, *parsed.options, loaded.config};
    return parsed.options->check_only ? running.check() : running.run();
}

}  // namespace milters::milter
