#include "milters/doctor/probe.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "milters/net/negotiate.h"
#include "policy/fd.h"

namespace milters::doctor {
namespace {

using policy::Fd;
using policy::config::SocketSpec;
using std::chrono::milliseconds;

constexpr const char* closed = "it closed the connection";

std::string reason()
{
    return std::strerror(errno);
}

bool receive(const Fd& fd, void* data, std::size_t size)
{
    return ::recv(fd.get(), data, size, MSG_WAITALL) ==
           static_cast<ssize_t>(size);
}

}  // namespace

std::string connect_to(const SocketSpec& spec)
{
    return Fd{net::connect_to(spec, milliseconds{0})} ? std::string{}
                                                      : reason();
}

std::string ask_saslauthd(const std::string& path)
{
    const Fd fd{net::connect_to({SocketSpec::Kind::unix_path, path, {}, 0},
                                milliseconds{0})};
    if (!fd)
        return "connect: " + reason();
    // Login, password, service and realm, each a counted string.
    constexpr std::array<std::uint16_t, 4> nobody{};
    std::uint16_t size = 0;
    if (::send(fd.get(), nobody.data(), sizeof nobody, MSG_NOSIGNAL) !=
            static_cast<ssize_t>(sizeof nobody) ||
        !receive(fd, &size, sizeof size))
        return closed;
    std::string answer(ntohs(size), '\0');
    if (!receive(fd, answer.data(), answer.size()))
        return closed;
    const auto word = answer.substr(0, 2);
    return word == "OK" || word == "NO" ? "" : "unexpected answer";
}

}  // namespace milters::doctor
