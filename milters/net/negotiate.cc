#include "milters/net/negotiate.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "policy/fd.h"

namespace milters::net {
namespace {

using policy::Fd;
using policy::config::SocketSpec;

constexpr std::uint32_t milter_version = 6;
constexpr std::uint32_t every_action = 0x1ff;
constexpr std::uint32_t every_step = 0x1fffff;
constexpr std::uint32_t longest_packet = 65536;
constexpr const char* closed = "it closed the connection";

/// A socket whose steps, connect(2) among them, take no longer.
Fd limited(int family, std::chrono::milliseconds limit)
{
    Fd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    timeval time{};
    time.tv_sec = limit.count() / 1000;
    time.tv_usec = limit.count() % 1000 * 1000;
    for (const int which : {SO_SNDTIMEO, SO_RCVTIMEO})
        ::setsockopt(fd.get(), SOL_SOCKET, which, &time, sizeof time);
    return fd;
}

Fd connect_unix(const std::string& path, std::chrono::milliseconds limit)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    path.copy(address.sun_path, path.size());
    Fd fd = limited(AF_UNIX, limit);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0)
        return {};
    return fd;
}

Fd connect_inet(const SocketSpec& spec, std::chrono::milliseconds limit)
{
    addrinfo hints{};
    hints.ai_family = spec.kind == SocketSpec::Kind::inet6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    errno = EADDRNOTAVAIL;
    if (::getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                      std::to_string(spec.port).c_str(), &hints, &found) != 0)
        return {};
    Fd fd = limited(found->ai_family, limit);
    const int rc = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    return rc == 0 ? std::move(fd) : Fd{};
}

bool send_all(const Fd& fd, const void* data, std::size_t size)
{
    return ::send(fd.get(), data, size, MSG_NOSIGNAL) ==
           static_cast<ssize_t>(size);
}

bool receive(const Fd& fd, void* data, std::size_t size)
{
    return ::recv(fd.get(), data, size, MSG_WAITALL) ==
           static_cast<ssize_t>(size);
}

/// Length, the letter O, version, actions, steps: each number four octets.
std::array<std::uint8_t, 17> offer()
{
    std::array<std::uint8_t, 17> packet{};
    const auto put = [&](std::size_t at, std::uint32_t number) {
        const std::uint32_t net = htonl(number);
        std::memcpy(packet.data() + at, &net, sizeof net);
    };
    put(0, 13);
    packet[4] = 'O';
    put(5, milter_version);
    put(9, every_action);
    put(13, every_step);
    return packet;
}

}  // namespace

int connect_to(const SocketSpec& spec, std::chrono::milliseconds limit)
{
    return (spec.kind == SocketSpec::Kind::unix_path
                ? connect_unix(spec.path, limit)
                : connect_inet(spec, limit))
        .release();
}

std::string negotiate(const SocketSpec& spec, std::chrono::milliseconds limit)
{
    const Fd fd{connect_to(spec, limit)};
    if (!fd)
        return std::string{"connect: "} + std::strerror(errno);
    const auto packet = offer();
    std::uint32_t size = 0;
    if (!send_all(fd, packet.data(), packet.size()) ||
        !receive(fd, &size, sizeof size))
        return closed;
    size = ntohl(size);
    if (size < 13 || size > longest_packet)
        return "it does not speak the milter protocol";
    std::string answer(size, '\0');
    if (!receive(fd, answer.data(), answer.size()))
        return closed;
    constexpr std::array<std::uint8_t, 5> quit{0, 0, 0, 1, 'Q'};
    send_all(fd, quit.data(), quit.size());
    return answer.front() == 'O' ? "" : "it refuses to negotiate";
}

}  // namespace milters::net
