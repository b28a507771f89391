#include "milters/milter/signals.h"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>

namespace {

/// Where libmilter's thread rests.
struct Bench {
    std::mutex mutex;
    std::condition_variable changed;
    bool taken = false;
};

/// Never destroyed: the thread may still rest there while the process ends.
Bench& bench()
{
    static Bench* const the_bench = new Bench;
    return *the_bench;
}

sigset_t our_signals()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGHUP, SIGUSR1, SIGTERM, SIGINT})
        sigaddset(&set, signal);
    return set;
}

}  // namespace

/// In place of the C library's, for libmilter's signal thread.
extern "C" __attribute__((visibility("default"))) int sigwait(
    const sigset_t* /*set*/, int* /*signal*/)
{
    Bench& b = bench();
    std::unique_lock lock{b.mutex};
    b.taken = true;
    b.changed.notify_all();
    while (true)
        b.changed.wait(lock);
}

namespace milters::milter::signals {

void block()
{
    const auto set = our_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

int wait()
{
    const auto set = our_signals();
    int signal = -1;
    do
        signal = sigwaitinfo(&set, nullptr);
    while (signal < 0 && errno == EINTR);
    return signal;
}

bool libmilter_has_come(std::chrono::milliseconds limit)
{
    Bench& b = bench();
    std::unique_lock lock{b.mutex};
    return b.changed.wait_for(lock, limit, [&] { return b.taken; });
}

}  // namespace milters::milter::signals
