#include "milters/net/loop.h"

#include <event2/event.h>
#include <event2/thread.h>

#include <utility>

namespace milters::net {

policy::Result<std::unique_ptr<Loop>> Loop::make()
{
    static const int threads = evthread_use_pthreads();
    std::unique_ptr<Loop> loop{new Loop};
    if (threads == 0)
        loop->base_ = event_base_new();
    if (!loop->base_)
        return policy::fail(policy::Errc::io, "libevent: no event base");
    loop->wake_ = event_new(
        loop->base_, -1, EV_PERSIST,
        [](int, short, void* self) { static_cast<Loop*>(self)->run_posted(); },
        loop.get());
    if (!loop->wake_)
        return policy::fail(policy::Errc::io, "libevent: no event");
    return loop;
}

Loop::~Loop()
{
    if (wake_)
        event_free(wake_);
    if (base_)
        event_base_free(base_);
}

void Loop::run()
{
    event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY);
}

void Loop::stop()
{
    event_base_loopbreak(base_);
}

void Loop::post(std::function<void()> task)
{
    {
        const std::lock_guard lock{mutex_};
        posted_.push_back(std::move(task));
    }
    event_active(wake_, EV_TIMEOUT, 0);
}

void Loop::run_posted()
{
    std::vector<std::function<void()>> tasks;
    {
        const std::lock_guard lock{mutex_};
        tasks.swap(posted_);
    }
    for (const auto& task : tasks)
        task();
}

}  // namespace milters::net
