#include "milters/scanner/talk.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::config::SocketSpec;
using Steady = std::chrono::steady_clock;

constexpr auto connect_limit = 5s;
constexpr auto tick_interval = 1s;
constexpr std::size_t max_reply = 4096;

auto system_error(const std::string& what)
{
    const int error = errno;
    return policy::fail(Errc::io, what + ": " + std::strerror(error));
}

policy::Result<Talk> finish_connect(Fd fd, int rc, Steady::time_point end,
                                    const Tick& tick)
{
    if (rc != 0 && errno != EINPROGRESS && errno != EAGAIN)
        return system_error("connect");
    const auto soon =
        std::min<Steady::time_point>(end, Steady::now() + connect_limit);
    const int socket = fd.get();
    Talk trying{std::move(fd), soon, tick};
    if (auto s = trying.wait(POLLOUT); !s)
        return policy::fail(s.error());
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0)
        return policy::fail(Errc::io, std::strerror(error));
    return Talk{Fd{::fcntl(socket, F_DUPFD_CLOEXEC, 0)}, end, tick};
}

policy::Result<Talk> connect_unix(const std::string& path,
                                  Steady::time_point end, const Tick& tick)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int rc = ::connect(
        fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return finish_connect(std::move(fd), rc, end, tick);
}

policy::Result<Talk> connect_inet(const SocketSpec& spec,
                                  Steady::time_point end, const Tick& tick)
{
    addrinfo hints{};
    hints.ai_family = spec.kind == SocketSpec::Kind::inet6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error =
        ::getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                      std::to_string(spec.port).c_str(), &hints, &found);
    if (error != 0)
        return policy::fail(Errc::io, ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned{
        found, &::freeaddrinfo};
    Fd fd{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   0)};
    const int rc = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
    return finish_connect(std::move(fd), rc, end, tick);
}

}  // namespace

Status Talk::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n =
            ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n > 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            return system_error("send");
        else if (auto s = wait(POLLOUT); !s)
            return s;
    }
    return {};
}

Status Talk::send_file(int file)
{
    if (auto s = wait(POLLOUT); !s)
        return s;
    return send_packet(socket_.get(), std::string_view{"\0", 1}, file);
}

policy::Result<std::string> Talk::reply()
{
    std::string out;
    char buffer[512];
    while (out.size() < max_reply) {
        const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (n == 0)
            return policy::fail(Errc::gone, "closed without an answer");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return system_error("receive");
        if (n < 0) {
            if (auto s = wait(POLLIN); !s)
                return policy::fail(s.error());
            continue;
        }
        out.append(buffer, static_cast<std::size_t>(n));
        if (const auto end = out.find('\0'); end != std::string::npos)
            return out.substr(0, end);
    }
    return policy::fail(Errc::format, "answer is too long");
}

Status Talk::wait(short what)
{
    while (Steady::now() < end_) {
        pollfd fd{socket_.get(), what, 0};
        const auto rest = std::chrono::ceil<std::chrono::milliseconds>(
            std::min<Steady::duration>(end_ - Steady::now(), tick_interval));
        if (::poll(&fd, 1, static_cast<int>(rest.count())) > 0)
            return {};
        if (!tick_())
            return policy::fail(Errc::gone, "given up");
    }
    return policy::fail(Errc::timeout, "no answer in time");
}

policy::Result<Talk> Talk::connect(const SocketSpec& spec, Time end,
                                   const Tick& tick)
{
    return spec.kind == SocketSpec::Kind::unix_path
               ? connect_unix(spec.path, end, tick)
               : connect_inet(spec, end, tick);
}

}  // namespace milters::scanner
