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

/// Differs for every other set, version and setting.
std::string generation_of(const Process& process, const Command& command)
{
    policy::scan::Sha256 hash;
    hash.update(process.fingerprint);
    hash.update(process.engine.version);
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

void Pool::start_next()
{
    const auto state = policy::scan::look_at_database(options_.database);
    auto started = Process::start(options_.command);
    const std::lock_guard lock{mutex_};
    if (!started) {
        last_error_ = started.error().text;
        not_before_ = Steady::now() + longest_backoff;
        became_ready_.notify_all();
        return;
    }
    next_ = std::move(*started);
    if (state) {
        next_->fingerprint = state->fingerprint;
        next_->newest = state->newest;
    }
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
            say(true, "scanner worker " + std::to_string(event.pid) +
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
                   ", version " + std::to_string(engine.base) + ", " +
                   engine.name + " " + engine.version);
    const std::lock_guard lock{mutex_};
    retire_current();
    reloads_ += process == next_;
    current_ = process;
    current_->ready = true;
    next_.reset();
    last_error_.clear();
    refused_.clear();
    backoff_ = {};
    became_ready_.notify_all();
}

/// Idle workers end now, busy ones with their last scan.  REQUIRES mutex_.
void Pool::retire_current()
{
    if (current_)
        current_->retire();
    idle_.clear();
    current_.reset();
}

void Pool::lost(const std::shared_ptr<Process>& process, const std::string& why)
{
    say(true, why);
    const std::lock_guard lock{mutex_};
    backoff_ = std::clamp(2 * backoff_, first_backoff, longest_backoff);
    if (process == next_) {
        last_error_ = why;
        refused_ = process->fingerprint;
        next_.reset();
        if (!current_)
            not_before_ = Steady::now() + backoff_;
        became_ready_.notify_all();
    } else if (process == current_) {
        // It had a set that works: load it again at once, but not in a loop.
        retire_current();
        not_before_ =
            Steady::now() + (backoff_ > first_backoff ? backoff_ : 0ms);
    }
}

// --- the database ---

/// Two sets at once must fit into memory.  REQUIRES mutex_.
bool Pool::room_beside() const
{
    return !current_ || policy::scan::available_memory() >
                            current_->memory + current_->memory / 4;
}

/// Loads a new set when the database has changed and then stayed as it is for
/// a while; freshclam replaces several files one after the other.
void Pool::look_at_database()
{
    std::unique_lock lock{mutex_};
    if (next_ || !current_)
        return;
    const bool asked = reload_asked_;
    const bool due = options_.watch > 0ms && !options_.database.empty() &&
                     Steady::now() >= next_look_;
    if (!asked && !due)
        return;
    next_look_ = Steady::now() + options_.watch;
    const auto state = policy::scan::look_at_database(options_.database);
    if (!asked) {
        if (!state || state->fingerprint == current_->fingerprint ||
            state->fingerprint == refused_)
            return;
        if (!changing_ || *changing_ != *state) {
            changing_ = *state;
            changed_at_ = Steady::now();
        }
        if (Steady::now() - changed_at_ < options_.settle) {
            next_look_ = Steady::now() + options_.settle;
            return;
        }
    }
    reload_asked_ = false;
    changing_.reset();
    if (options_.serial) {
        retire_current();
    } else if (!room_beside()) {
        last_error_ =
            "no memory to load the new signatures beside the old "
            "ones; see serial";
        say(true, last_error_);
        return;
    }
    lock.unlock();
    start_next();
}

}  // namespace milters::scanner
