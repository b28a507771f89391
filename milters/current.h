// What is in force now, exchanged as a whole.
#pragma once

#include <memory>
#include <mutex>

namespace milters {

/// The runtime in force: sessions keep the one they began with, a reload puts
/// another in its place.  Any thread.
template <class Runtime>
class Current {
public:
    std::shared_ptr<const Runtime> get() const
    {
        const std::lock_guard lock{mutex_};
        return runtime_;
    }
    void set(std::shared_ptr<const Runtime> runtime)
    {
        const std::lock_guard lock{mutex_};
        runtime_.swap(runtime);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Runtime> runtime_;
};

}  // namespace milters
