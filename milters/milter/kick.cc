#include "milters/milter/kick.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "milters/milter/daemon.h"

namespace milters::milter {
namespace {

net::SocketSpec target;

/// Counts the steps that run now, and kicks while there are some.
class Watch {
public:
    void begin()
    {
        const std::lock_guard lock{mutex_};
        if (++steps_ == 1)
            changed_.notify_one();
        if (!thread_.joinable())
            thread_ = std::thread{[this] { run(); }};
    }

    void end()
    {
        const std::lock_guard lock{mutex_};
        --steps_;
        ++ended_;
    }

private:
    /// A step that is over sooner is not slow.
    static constexpr std::chrono::milliseconds patience{5};

    /// Kicks of one round.  Each starts a worker that takes a session; when
    /// that one is slow too, the next round doubles them.
    static constexpr int most = 16;

    void run()
    {
        std::unique_lock lock{mutex_};
        auto pause = patience;
        while (true) {
            changed_.wait(lock, [this] { return steps_ > 0; });
            const auto before = ended_;
            lock.unlock();
            std::this_thread::sleep_for(pause);
            lock.lock();
            // Steps that come and go are quick; only when none has ended may
            // all workers be busy with slow ones.
            if (steps_ == 0 || ended_ != before) {
                pause = patience;
                continue;
            }
            const int wanted = std::min(steps_, most);
            lock.unlock();
            for (int i = 0; i < wanted; ++i)
                kick();
            pause = std::min(pause * 5 / 4, std::chrono::milliseconds{100});
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::thread thread_;
    int steps_ = 0;
    unsigned long ended_ = 0;
};

/// Never destroyed: its thread ends with the process.
Watch& watch()
{
    static Watch* const the_watch = new Watch;
    return *the_watch;
}

}  // namespace

void set_kick_target(const net::SocketSpec& socket)
{
    target = socket;
}

void kick()
{
    if (target.off())
        return;
    const int fd = net::try_connect(target);
    if (fd >= 0)
        close(fd);
}

SlowStep::SlowStep()
{
    watch().begin();
}

SlowStep::~SlowStep()
{
    watch().end();
}

}  // namespace milters::milter
