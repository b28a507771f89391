// The event loop that serves relay-milter's sockets other than the milter's
// own: socketmap, policy delegation, control, login reports.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "policy/result.h"

struct event;
struct event_base;

namespace milters::net {

/// Owns a libevent base.  Handlers run on the one thread that calls run(), so
/// they need no lock among themselves and must not block.  post() and stop()
/// may be called from any thread.
class Loop {
public:
    static policy::Result<std::unique_ptr<Loop>> make();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// For the listeners of this layer; valid as long as the loop.
    event_base* base() const { return base_; }

    /// Serves until stop().
    void run();
    void stop();

    /// Runs `task` on the loop's thread, after what is already waiting.
    void post(std::function<void()> task);

private:
    Loop() = default;
    void run_posted();

    event_base* base_ = nullptr;
    event* wake_ = nullptr;
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;
};

}  // namespace milters::net
