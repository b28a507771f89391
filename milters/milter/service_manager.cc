#include "milters/milter/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <thread>

#include "policy/fd.h"

namespace milters::milter {
namespace {

/// Takes a variable out of the environment.
std::string taken(const char* name)
{
    const char* value = std::getenv(name);
    std::string text = value ? value : "";
    ::unsetenv(name);
    return text;
}

}  // namespace

ServiceManager::ServiceManager() : socket_{taken("NOTIFY_SOCKET")}
{
    const auto interval = taken("WATCHDOG_USEC");
    const auto pid = taken("WATCHDOG_PID");
    if (pid.empty() || pid == std::to_string(::getpid()))
        watchdog_ = std::chrono::microseconds{
            std::strtoll(interval.c_str(), nullptr, 10)};
}

void ServiceManager::tell(const std::string& state) const
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.empty() || socket_.size() >= sizeof address.sun_path)
        return;
    socket_.copy(address.sun_path, socket_.size());
    if (socket_.front() == '@')
        address.sun_path[0] = '\0';
    const policy::Fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const auto size = offsetof(sockaddr_un, sun_path) + socket_.size();
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(size));
}

void ServiceManager::ready(const std::string& status) const
{
    tell("READY=1\nMAINPID=" + std::to_string(::getpid()) +
         "\nSTATUS=" + status);
}

void ServiceManager::stopping() const
{
    tell("STOPPING=1");
}

void ServiceManager::watch(std::function<bool()> well) const
{
    if (watchdog_.count() <= 0 || socket_.empty())
        return;
    std::thread{[manager = *this, well = std::move(well)] {
        while (true) {
            if (well())
                manager.tell("WATCHDOG=1");
            std::this_thread::sleep_for(manager.watchdog_ / 2);
        }
    }}.detach();
}

}  // namespace milters::milter
