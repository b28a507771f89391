// Time comes in as an argument, so that tests can move it.
#pragma once

#include <chrono>
#include <functional>

namespace policy {

/// Wall clock in whole seconds: what relayers.db and logs carry.
using Seconds = std::chrono::sys_seconds;

/// Asks for the present time.  Safe to call from any thread.
using Clock = std::function<Seconds()>;

/// The system's clock.
inline Seconds system_now()
{
    return std::chrono::floor<std::chrono::seconds>(
        std::chrono::system_clock::now());
}

}  // namespace policy
