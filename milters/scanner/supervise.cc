// The supervisor's half of Pool.
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "milters/scanner/pool.h"
#include "policy/scan/sha256.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::scan::ScannerEvent;

constexpr auto poll_interval = 500ms;
constexpr std::chrono::milliseconds first_backoff = 200ms;
constexpr std::chrono::milliseconds longest_backoff = 30s;

/// Differs for every set that is loaded, be it the same as before.
std::string generation_of(const Process& process, const Command& command)
{
    policy::scan::Sha256 hash;
    hash.update(process.fingerprint);
    hash.update(process.engine.version);
    hash.update(std::to_string(process.started.time_since_epoch().count()));
    for (const std::string& argument : command.arguments)
        hash.update(argument + '\0');
    const auto digest = hash.finish();
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        out += digits[digest[i] >> 4];
        out += digits[digest[i] & 15];
    }
    return out;
}

}  // namespace

void Pool::say(bool alarm, const std::string& text) const
{
    if (options_.log)
        options_.log(alarm, text);
}

void Pool::wake_supervisor() const
{
    const std::uint64_t one = 1;
    // The counter is full only if a wake-up is already under way.
    [[maybe_unused]] const auto n = ::write(wake_.get(), &one, sizeof one);
}

void Pool::supervise()
{
    keep_running();
    for (;;) {
        std::vector<std::shared_ptr<Process>> processes;
        {
            const std::lock_guard lock{mutex_};
            if (stop_)
                break;
            for (const auto& process : {current_, next_})
                if (process)
                    processes.push_back(process);
        }
        std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
        for (const auto& process : processes)
            fds.push_back({process->control(), POLLIN, 0});
        ::poll(fds.data(), fds.size(), static_cast<int>(poll_interval.count()));
        std::uint64_t count = 0;
        [[maybe_unused]] const auto n =
            ::read(wake_.get(), &count, sizeof count);
        for (std::size_t i = 0; i < processes.size(); ++i)
            if (fds[i + 1].revents)
                hear(processes[i]);
        give_up_late();
        processes.clear();
        keep_running();
        look_at_database();
        reap_all();
    }
    const std::lock_guard lock{mutex_};
    idle_.clear();
    current_.reset();
    next_.reset();
}

// --- starting ---

/// Something must run or be loading at all times.
void Pool::keep_running()
{
    {
        const std::lock_guard lock{mutex_};
        if (current_ || next_ || Steady::now() < not_before_)
            return;
    }
    start_next();
}

std::unique_ptr<Process> Pool::start_process()
{
    bool went_back = false;
    const SetPtr set = set_to_load(went_back);
    const auto serving = [this] {
        const std::lock_guard lock{mutex_};
        return current_ != nullptr;
    };
    auto started = Process::start(options_.command, set, serving());
    if (!started) {
        const std::lock_guard lock{mutex_};
        last_error_ = started.error().text;
        not_before_ = Steady::now() + longest_backoff;
        became_ready_.notify_all();
        return nullptr;
    }
    (*started)->went_back = went_back;
    const auto state = set ? set->state()
                           : policy::scan::look_at_database(options_.database)
                                 .value_or(policy::scan::DatabaseState{});
    (*started)->fingerprint = state.fingerprint;
    (*started)->newest = state.newest;
    return std::move(*started);
}

void Pool::start_next()
{
    auto process = start_process();
    const std::lock_guard lock{mutex_};
    next_ = std::move(process);
}

// --- what the scanner says ---

void Pool::hear(const std::shared_ptr<Process>& process)
{
    auto packet = receive_packet(process->control(), 0ms);
    if (!packet) {
        if (packet.error().code != Errc::timeout)
            lost(process, "the scanner has ended");
        return;
    }
    const auto event = policy::scan::read_event(packet->text);
    if (!event)
        lost(process, event.error().text);
    else
        on_event(process, *event, std::move(packet->file));
}

void Pool::on_event(const std::shared_ptr<Process>& process,
                    const ScannerEvent& event, Fd socket)
{
    switch (event.kind) {
        case ScannerEvent::Kind::ready:
            process->engine = event.engine;
            // Only official sets say themselves when they were made.
            if (process->engine.base_time == 0)
                process->engine.base_time = process->newest;
            process->memory = event.memory;
            if (!event.text.empty() && event.text != told_)
                say(false, told_ = event.text);
            process->engine.generation =
                generation_of(*process, options_.command);
            take_over(process);
            break;
        case ScannerEvent::Kind::worker: {
            auto link = std::make_unique<Link>();
            link->socket = std::move(socket);
            link->id = event.id;
            link->process = process;
            if (link->socket)
                give_back(std::move(link));
            break;
        }
        case ScannerEvent::Kind::gone:
            // One that was let go is no news.
            say(event.text != "exit 0", "scanner worker " +
                                            std::to_string(event.pid) +
                                            " has ended: " + event.text);
            break;
        case ScannerEvent::Kind::failed:
            lost(process, event.text);
            break;
    }
}

void Pool::take_over(const std::shared_ptr<Process>& process)
{
    const auto& engine = process->engine;
    say(false, "signatures loaded: " + std::to_string(engine.signatures) +
                   ", version " + std::to_string(engine.base) + " of " +
                   policy::scan::day_of(engine.base_time) + ", " + engine.name +
                   " " + engine.version);
    const std::lock_guard lock{mutex_};
    retire_current();
    current_ = process;
    current_->ready = true;
    next_.reset();
    backoff_ = {};
    became_ready_.notify_all();
    if (process->went_back)
        return;  // the newest set is still a bad one
    ++reloads_;
    good_ = process->set;
    last_error_.clear();
    refused_.clear();
}

/// Idle workers end now, busy ones with their last scan.  REQUIRES mutex_.
void Pool::retire_current()
{
    if (current_)
        current_->retire();
    idle_.clear();
    current_.reset();
}

void Pool::lost(const std::shared_ptr<Process>& process,
                const std::string& said)
{
    const std::string why = in_terms_of_database(*process, said);
    say(true, why);
    const std::lock_guard lock{mutex_};
    backoff_ = std::clamp(2 * backoff_, first_backoff, longest_backoff);
    // Whoever had a set that works loads it again at once, but not in a loop.
    const auto wait = backoff_ > first_backoff ? backoff_ : 0ms;
    if (process == next_) {
        last_error_ = why;
        if (!process->went_back)
            refused_ = process->fingerprint;
        next_.reset();
        if (!current_)
            not_before_ = Steady::now() + (good_ ? wait : backoff_);
        became_ready_.notify_all();
    } else if (process == current_) {
        retire_current();
        not_before_ = Steady::now() + wait;
    }
}

/// A set that never gets ready must not stand before the next one.
void Pool::give_up_late()
{
    std::shared_ptr<Process> late;
    {
        const std::lock_guard lock{mutex_};
        if (next_ && Steady::now() - next_->started > options_.load)
            late = next_;
    }
    if (late)
        lost(late, options_.database +
                       ": not loaded within virus.load_time; it is given up");
}

/// The library names the folder of links.
std::string Pool::in_terms_of_database(const Process& process,
                                       const std::string& said) const
{
    std::string out = said;
    if (!process.set)
        return out;
    const std::string& links = process.set->path();
    for (auto at = out.find(links); at != out.npos; at = out.find(links))
        out.replace(at, links.size(), options_.database);
    return out;
}

}  // namespace milters::scanner
