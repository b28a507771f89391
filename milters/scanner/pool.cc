#include "milters/scanner/pool.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::scan::ScanJob;
using policy::scan::Verdict;

/// How often a waiting caller is woken for its tick.
constexpr auto tick_interval = 1s;
/// The worker's own alarm comes first; the parent's SIGKILL after this.
constexpr auto kill_after = 2s;

/// Reached by the fifth failure in a row, after some three seconds.
constexpr auto hopeless_backoff = 3s;

/// A message gets a second worker; what fails twice is the message's fault.
constexpr int attempts = 2;

bool has_failed(const Verdict& verdict)
{
    return std::any_of(verdict.findings.begin(), verdict.findings.end(),
                       [](const auto& finding) {
                           return finding.status ==
                                  policy::scan::ScanStatus::error;
                       });
}

}  // namespace

Pool::Pool(PoolOptions options)
    : options_{std::move(options)},
      wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)}
{
    thread_ = std::thread{[this] { supervise(); }};
}

Pool::~Pool()
{
    {
        const std::lock_guard lock{mutex_};
        stop_ = true;
    }
    wake_supervisor();
    thread_.join();
}

policy::scan::EngineInfo Pool::info() const
{
    const std::lock_guard lock{mutex_};
    return current_ && current_->ready ? current_->engine
                                       : policy::scan::EngineInfo{};
}

PoolState Pool::state() const
{
    PoolState state{.engine = info()};
    const std::lock_guard lock{mutex_};
    state.idle = static_cast<unsigned>(idle_.size());
    state.waiting = static_cast<unsigned>(urgent_.size() + waiting_.size());
    state.last_error = last_error_;
    state.reloads = reloads_;
    state.retries = retries_;
    return state;
}

policy::Status Pool::wait_ready(std::chrono::milliseconds limit)
{
    std::unique_lock lock{mutex_};
    became_ready_.wait_for(lock, limit, [this] {
        return (current_ && current_->ready) || !last_error_.empty();
    });
    if (current_ && current_->ready)
        return {};
    return policy::fail(Errc::timeout, last_error_.empty()
                                           ? "the scanner is still loading"
                                           : last_error_);
}

void Pool::reload()
{
    {
        const std::lock_guard lock{mutex_};
        reload_asked_ = true;
    }
    wake_supervisor();
}

// --- the queue ---

/// The first who waits gets it, local and authenticated mail first.
/// REQUIRES mutex_.
void Pool::offer(LinkPtr link)
{
    Queue& queue = urgent_.empty() ? waiting_ : urgent_;
    if (queue.empty()) {
        idle_.push_back(std::move(link));
        return;
    }
    Waiter* const waiter = queue.front();
    queue.pop_front();
    waiter->link = std::move(link);
    waiter->wake.notify_one();
}

void Pool::give_back(LinkPtr link)
{
    const std::lock_guard lock{mutex_};
    if (link->process == current_)
        offer(std::move(link));
    // else it belongs to a set that was replaced: closing ends the worker
}

/// No scanner, and several in a row that could not be started: nobody should
/// wait for that.  REQUIRES mutex_.
bool Pool::is_hopeless() const
{
    return !current_ && backoff_ >= hopeless_backoff;
}

policy::Result<Pool::LinkPtr> Pool::acquire(bool urgent, Steady::time_point end,
                                            const std::function<void()>& tick)
{
    std::unique_lock lock{mutex_};
    if (!idle_.empty()) {
        LinkPtr link = std::move(idle_.back());
        idle_.pop_back();
        return link;
    }
    if (is_hopeless())
        return policy::fail(Errc::io, last_error_);
    if (urgent_.size() + waiting_.size() >= options_.max_waiting)
        return policy::fail(Errc::denied, "too many messages wait for a scan");
    Waiter waiter;
    Queue& queue = urgent ? urgent_ : waiting_;
    queue.push_back(&waiter);
    while (!waiter.link && Steady::now() < end && !is_hopeless()) {
        waiter.wake.wait_until(lock,
                               std::min(end, Steady::now() + tick_interval));
        if (waiter.link)
            break;
        lock.unlock();
        tick();
        lock.lock();
    }
    if (waiter.link)
        return std::move(waiter.link);
    queue.remove(&waiter);
    return policy::fail(Errc::timeout, last_error_.empty()
                                           ? "no worker was free in time"
                                           : last_error_);
}

// --- one scan ---

policy::Result<Verdict> Pool::attempt(LinkPtr& link, const ScanJob& job,
                                      Steady::time_point end,
                                      const std::function<void()>& tick)
{
    policy::scan::ScanRequest request{0, options_.attempt, job.want};
    request.deadline = std::min(
        request.deadline,
        std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()));
    {
        const std::lock_guard lock{mutex_};
        request.id = next_job_++;
    }
    if (request.deadline <= 0ms)
        return policy::fail(Errc::timeout, "no time left");
    if (auto sent = send_packet(link->socket.get(), write(request), job.fd);
        !sent)
        return policy::fail(sent.error());
    Verdict verdict;
    const auto last = Steady::now() + request.deadline + kill_after;
    while (Steady::now() < last) {
        const auto packet = receive_packet(link->socket.get(), tick_interval);
        if (!packet && packet.error().code != Errc::timeout)
            return policy::fail(Errc::io, "the worker has ended");
        if (!packet) {
            tick();
            continue;
        }
        const auto last_one =
            policy::scan::read_answer(packet->text, request.id, verdict);
        if (!last_one)
            return policy::fail(last_one.error());
        if (*last_one)
            return verdict;
    }
    link->process->kill_worker(link->id);
    return policy::fail(Errc::timeout, "the worker did not answer in time");
}

Verdict Pool::scan(const ScanJob& job, const std::function<void()>& tick)
{
    const auto end = std::min(Steady::now() + options_.deadline, job.until);
    std::string why;
    for (int tried = 0; tried < attempts && Steady::now() < end;) {
        auto link = acquire(job.urgent, end, tick);
        if (!link)
            return Verdict::error(why.empty() ? link.error().text
                                              : why + "; " + link.error().text);
        auto verdict = attempt(*link, job, end, tick);
        if (!verdict) {
            // A worker that had died before it got the message is no attempt.
            tried += verdict.error().code != Errc::gone;
            why = verdict.error().text;
            const std::lock_guard lock{mutex_};
            ++retries_;
            continue;
        }
        verdict->generation = (*link)->process->engine.generation;
        const bool failed = has_failed(*verdict);
        // What made it fail may lie about in its folder or its memory: a
        // worker that is closed ends, and another takes its place.
        if (!failed)
            give_back(std::move(*link));
        if (!failed || ++tried == attempts)
            return std::move(*verdict);
        why = verdict->detail;
    }
    return Verdict::error(why.empty() ? "no time left" : why);
}

}  // namespace milters::scanner
