// Work that may hang: files on a server that is away, a pipe, a lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace milters::milter {

/// Has work done on threads of its own and waits for it, but not for ever.
/// Work that is late goes on alone, and what it makes is thrown away: it must
/// change nothing but what it returns.  From any thread.
class Patience {
public:
    /// nullopt if it took longer, if too much hangs already, or after end().
    template <class T>
    std::optional<T> wait(std::chrono::milliseconds limit,
                          std::function<T()> work)
    {
        if (over_ || hanging_ >= most_hanging)
            return std::nullopt;
        ++hanging_;
        std::packaged_task<T()> task{[this, work = std::move(work)] {
            const Gone gone{hanging_};
            return work();
        }};
        auto result = task.get_future();
        std::thread{std::move(task)}.detach();
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (!over_ && std::chrono::steady_clock::now() < deadline)
            if (result.wait_for(look) == std::future_status::ready)
                return result.get();
        return std::nullopt;
    }

    /// Nobody waits any longer.
    void end() { over_ = true; }
    bool over() const { return over_; }

    /// Threads that may hang at a time.
    static constexpr int most_hanging = 16;

private:
    static constexpr std::chrono::milliseconds look{20};

    struct Gone {
        std::atomic<int>& count;
        ~Gone() { --count; }
    };

    std::atomic<bool> over_{false};
    std::atomic<int> hanging_{0};
};

}  // namespace milters::milter
