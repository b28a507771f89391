#include "milters/scanner/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "policy/scan/wire.h"

namespace milters::scanner {
namespace {

using policy::Errc;

/// Room for one file descriptor.
union Control {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

Fd file_of(msghdr& message)
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
            return Fd{fd};
        }
    return {};
}

/// Errc::timeout if nothing can be read within `limit`.
policy::Status wait_readable(int socket, std::chrono::milliseconds limit)
{
    pollfd poll_fd{socket, POLLIN, 0};
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        auto rest = std::chrono::ceil<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (rest.count() < 0)
            rest = std::chrono::milliseconds{0};
        const int n =
            ::poll(&poll_fd, 1,
                   limit.count() < 0 ? -1 : static_cast<int>(rest.count()));
        if (n > 0)
            return {};
        if (n == 0)
            return policy::fail(Errc::timeout, "no answer in time");
        if (errno != EINTR)
            return policy::fail(Errc::io, std::strerror(errno));
    }
}

}  // namespace

void Fd::reset(int fd)
{
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = fd;
}

policy::Result<std::pair<Fd, Fd>> make_channel()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return policy::fail(Errc::io, std::strerror(errno));
    const int room = 2 * static_cast<int>(policy::scan::max_packet);
    for (const int end : ends)
        ::setsockopt(end, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    return std::pair{Fd{ends[0]}, Fd{ends[1]}};
}

policy::Status send_packet(int socket, std::string_view text, int file)
{
    iovec data{const_cast<char*>(text.data()), text.size()};
    Control control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (file >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof file);
        std::memcpy(CMSG_DATA(&control.header), &file, sizeof file);
    }
    ssize_t n = 0;
    do
        n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(text.size()))
        return {};
    const int error = n < 0 ? errno : EIO;
    return policy::fail(
        error == EPIPE || error == ECONNRESET ? Errc::gone : Errc::io,
        std::strerror(error));
}

policy::Result<Packet> receive_packet(int socket,
                                      std::chrono::milliseconds limit)
{
    if (auto ready = wait_readable(socket, limit); !ready)
        return policy::fail(ready.error());
    std::string text(policy::scan::max_packet, '\0');
    iovec data{text.data(), text.size()};
    Control control{};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    ssize_t n = 0;
    do
        n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET)
        return policy::fail(Errc::io, std::strerror(errno));
    if (n <= 0)
        return policy::fail(Errc::gone, "the other side has closed");
    Packet packet{{}, file_of(message)};
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return policy::fail(Errc::format, "packet is too large");
    text.resize(static_cast<std::size_t>(n));
    packet.text = std::move(text);
    return packet;
}

}  // namespace milters::scanner
