#include "milters/net/workers.h"

#include <utility>

namespace milters::net {

Workers::Workers(unsigned threads)
{
    for (unsigned i = 0; i < threads; ++i)
        threads_.emplace_back([this] { run(); });
}

Workers::~Workers()
{
    {
        const std::lock_guard lock{mutex_};
        over_ = true;
        tasks_.clear();
        changed_.notify_all();
    }
    for (auto& thread : threads_)
        thread.join();
}

void Workers::submit(std::function<void()> task)
{
    const std::lock_guard lock{mutex_};
    if (over_)
        return;
    tasks_.push_back(std::move(task));
    changed_.notify_one();
}

void Workers::run()
{
    std::unique_lock lock{mutex_};
    while (true) {
        changed_.wait(lock, [this] { return over_ || !tasks_.empty(); });
        if (over_)
            return;
        auto task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        try {
            task();
        } catch (...) {
            // The asker's deadline tells the client.
        }
        task = nullptr;
        lock.lock();
    }
}

}  // namespace milters::net
