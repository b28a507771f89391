// What systemd, or another service manager, is told: sd_notify(3) by hand.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace milters::milter {

/// The manager that has started this process, if any.  Made before there are
/// threads: it takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the
/// environment, so that programs that we start do not speak for us.
/// Any thread may tell it things.
class ServiceManager {
public:
    ServiceManager();

    /// We serve.  @param status  for `systemctl status`
    void ready(const std::string& status) const;
    /// We are about to end.
    void stopping() const;

    /// Starts a thread that tells the watchdog, at twice its pace, that we
    /// are well, whenever `well` says so.  Does nothing without a watchdog.
    void watch(std::function<bool()> well) const;

private:
    void tell(const std::string& state) const;

    std::string socket_;  ///< path, or @name of an abstract one; empty: none
    std::chrono::microseconds watchdog_{0};
};

}  // namespace milters::milter
