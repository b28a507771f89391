#include "milters/doctor/probe.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "milters/login/fd.h"

namespace milters::doctor {
namespace {

using login::Fd;
using policy::config::SocketSpec;

constexpr std::uint32_t milter_version = 6;
constexpr std::uint32_t every_action = 0x1ff;
constexpr std::uint32_t every_step = 0x1fffff;
constexpr std::uint32_t longest_packet = 65536;
constexpr const char* closed = "it closed the connection";

Fd connect_unix(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    path.copy(address.sun_path, path.size());
    Fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0)
        return {};
    return fd;
}

Fd connect_inet(const SocketSpec& spec)
{
    addrinfo hints{};
    hints.ai_family = spec.kind == SocketSpec::Kind::inet6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    errno = EADDRNOTAVAIL;
    if (::getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                      std::to_string(spec.port).c_str(), &hints, &found) != 0)
        return {};
    Fd fd{::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int rc = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
    ::freeaddrinfo(found);
    return rc == 0 ? std::move(fd) : Fd{};
}

Fd connected(const SocketSpec& spec)
{
    return spec.kind == SocketSpec::Kind::unix_path ? connect_unix(spec.path)
                                                    : connect_inet(spec);
}

std::string reason()
{
    return std::strerror(errno);
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

std::string connect_to(const SocketSpec& spec)
{
    return connected(spec) ? std::string{} : reason();
}

std::string negotiate(const SocketSpec& spec)
{
    const Fd fd = connected(spec);
    if (!fd)
        return "connect: " + reason();
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

std::string ask_saslauthd(const std::string& path)
{
    const Fd fd = connect_unix(path);
    if (!fd)
        return "connect: " + reason();
    // Login, password, service and realm, each a counted string.
    constexpr std::array<std::uint16_t, 4> nobody{};
    std::uint16_t size = 0;
    if (!send_all(fd, nobody.data(), sizeof nobody) ||
        !receive(fd, &size, sizeof size))
        return closed;
    std::string answer(ntohs(size), '\0');
    if (!receive(fd, answer.data(), answer.size()))
        return closed;
    const auto word = answer.substr(0, 2);
    return word == "OK" || word == "NO" ? "" : "unexpected answer";
}

}  // namespace milters::doctor
