#include "milters/control/client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace milters::control {

using policy::Errc;
using policy::fail;

Client::Client(int fd, std::string path) : fd_{fd}, path_{std::move(path)} {}

Client::Client(Client&& other) noexcept
    : fd_{std::exchange(other.fd_, -1)},
      path_{std::move(other.path_)},
      input_{std::move(other.input_)}
{
}

Client::~Client()
{
    if (fd_ >= 0)
        close(fd_);
}

policy::Error Client::error(int number) const
{
    if (number == EAGAIN || number == EWOULDBLOCK)
        return {Errc::timeout, path_ + ": relay-milter does not answer"};
    const Errc code = number == ENOENT || number == ECONNREFUSED ? Errc::gone
                      : number == EACCES || number == EPERM      ? Errc::denied
                                                                 : Errc::io;
    return {code, path_ + ": " + std::generic_category().message(number)};
}

policy::Result<Client> Client::connect(const std::string& path,
                                       std::chrono::milliseconds timeout)
{
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (path.size() >= sizeof name.sun_path)
        return fail(Errc::usage, path + ": too long for a socket");
    std::memcpy(name.sun_path, path.c_str(), path.size());
    Client client{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path};
    if (client.fd_ < 0)
        return fail(client.error(errno));
    const auto whole = std::chrono::floor<std::chrono::seconds>(timeout);
    timeval limit{};
    limit.tv_sec = whole.count();
    limit.tv_usec = std::chrono::microseconds{timeout - whole}.count();
    setsockopt(client.fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(client.fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(client.fd_, reinterpret_cast<const sockaddr*>(&name),
                  sizeof name) != 0)
        return fail(client.error(errno));
    return client;
}

policy::Result<Json> Client::ask(const Json& request)
{
    const std::string line = line_of(request);
    for (std::size_t sent = 0; sent < line.size();) {
        const ssize_t n =
            send(fd_, line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fail(error(errno));
        sent += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    std::array<char, 65536> part{};
    std::size_t searched = 0;
    std::size_t end = input_.npos;
    while ((end = input_.find('\n', searched)) == input_.npos) {
        searched = input_.size();
        const ssize_t n = recv(fd_, part.data(), part.size(), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(error(errno));
        if (n == 0)
            return fail(Errc::timeout, path_ + ": relay-milter hung up");
        input_.append(part.data(), static_cast<std::size_t>(n));
    }
    const auto answer = Json::parse(input_.substr(0, end), nullptr, false);
    input_.erase(0, end + 1);
    if (!answer.is_object())
        return fail(Errc::format, path_ + ": an answer that is not understood");
    return answer;
}

}  // namespace milters::control
