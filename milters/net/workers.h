// Threads for answers that may take time, so that the loop never waits.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace milters::net {

/// A fixed number of threads and a queue.  submit() may be called from any
/// thread.  What a task throws is lost: tasks catch it themselves.
class Workers {
public:
    explicit Workers(unsigned threads);
    /// Finishes tasks that run; those that wait are dropped.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    void submit(std::function<void()> task);

private:
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> tasks_;
    bool over_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace milters::net
