// What a session of virus-milter needs, in one object.
#pragma once

#include <memory>
#include <mutex>

#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/scan/cache.h"
#include "policy/scan/scanner.h"

namespace milters::virus {

/// Made whole at start and at each reload; sessions keep theirs.
struct Runtime {
    std::shared_ptr<const policy::config::Config> config;
    std::shared_ptr<policy::scan::Scanner> scanner;
    std::shared_ptr<policy::scan::VerdictCache> cache;
    policy::Clock clock;
    policy::Log* log = nullptr;
    bool test_mode = false;

    const policy::config::Virus& virus() const { return config->virus; }
};

/// The runtime in force.  Any thread.
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

}  // namespace milters::virus
