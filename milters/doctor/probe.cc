#include "milters/doctor/probe.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>

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

std::string program_that_listens(const SocketSpec& spec)
{
    if (spec.kind != SocketSpec::Kind::unix_path)
        return {};
    const Fd fd{
        ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    spec.path.copy(where.sun_path, sizeof where.sun_path - 1);
    ucred peer{};
    socklen_t size = sizeof peer;
    if (!fd ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&where),
                  sizeof where) != 0 ||
        ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return {};
    std::ifstream in{"/proc/" + std::to_string(peer.pid) + "/comm"};
    std::string name;
    std::getline(in, name);
    return name;
}

std::string ask_clamd(const SocketSpec& spec)
{
    const Fd fd{net::connect_to(spec, milliseconds{0})};
    if (!fd)
        return "connect: " + reason();
    constexpr std::string_view question{"zVERSION\0", 9};
    if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(question.size()))
        return closed;
    std::array<char, 512> answer{};
    const auto size = ::recv(fd.get(), answer.data(), answer.size() - 1, 0);
    return size > 0 ? std::string{answer.data()} : closed;
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
