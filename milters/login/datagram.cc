#include "milters/login/datagram.h"

#include <event2/event.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace milters::login {
namespace {

constexpr std::string_view version = "postern-login 1";
constexpr int batch = 256;  ///< then other sockets have their turn

struct EventClose {
    void operator()(event* ev) const noexcept { event_free(ev); }
};

int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
        const int low = high >= 0 ? hex(text[i + 2]) : -1;
        if (low < 0)
            return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

/// Cuts the first line off `text`.
std::string_view line_of(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    return line;
}

/// The sender's uid as the kernel attached it.
std::optional<uid_t> sender(msghdr& message)
{
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
            ucred cred{};
            std::memcpy(&cred, CMSG_DATA(c), sizeof cred);
            return cred.uid;
        }
    return std::nullopt;
}

}  // namespace

std::optional<Report> parse_report(std::string_view datagram)
{
    if (line_of(datagram) != version)
        return std::nullopt;
    std::optional<std::string> ip, user, service, method;
    while (!datagram.empty()) {
        const auto line = line_of(datagram);
        const auto equals = line.find('=');
        if (equals == line.npos)
            return std::nullopt;
        const auto key = line.substr(0, equals);
        auto* const field = key == "ip"        ? &ip
                            : key == "user"    ? &user
                            : key == "service" ? &service
                            : key == "method"  ? &method
                                               : nullptr;
        if (!field)
            continue;
        auto value = percent_decoded(line.substr(equals + 1));
        if (!value || *field)
            return std::nullopt;
        *field = std::move(value);
    }
    if (!ip)
        return std::nullopt;
    return Report{*ip, user.value_or(""), service.value_or(""),
                  method.value_or("")};
}

struct DatagramListener::Impl {
    Impl(DatagramOptions given, policy::relayers::LoginSink sink)
        : options{std::move(given)},
          intake{options.common, "dgram", std::move(sink)}
    {
    }

    /// False when nothing waits any more.
    bool receive();
    void take(std::string_view datagram, std::optional<uid_t> uid);

    DatagramOptions options;
    Intake intake;
    std::optional<UnixSocket> socket;
    std::unique_ptr<event, EventClose> readable;
};

bool DatagramListener::Impl::receive()
{
    std::array<char, max_datagram> buffer{};
    alignas(cmsghdr) std::array<char, 256> control{};
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t size =
        recvmsg(socket->fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EINTR;
    if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        intake.malformed("datagram too long");
    else
        take({buffer.data(), static_cast<std::size_t>(size)}, sender(message));
    return true;
}

void DatagramListener::Impl::take(std::string_view datagram,
                                  std::optional<uid_t> uid)
{
    if (!uid || !options.believed(*uid)) {
        intake.refused("uid " + (uid ? std::to_string(*uid) : "unknown") +
                       " may not report logins");
        return;
    }
    if (const auto report = parse_report(datagram))
        intake.login({.ip = report->ip,
                      .user = report->user,
                      .service = report->service,
                      .method = report->method});
    else
        intake.malformed("datagram is no report");
}

DatagramListener::DatagramListener(std::unique_ptr<Impl> impl)
    : impl_{std::move(impl)}
{
}

DatagramListener::~DatagramListener() = default;

policy::Result<std::unique_ptr<DatagramListener>> DatagramListener::make(
    net::Loop& loop, DatagramOptions options, policy::relayers::LoginSink sink)
{
    auto socket = UnixSocket::bind(options.path, SOCK_DGRAM, options.socket);
    if (!socket)
        return policy::fail(socket.error());
    auto impl = std::make_unique<Impl>(std::move(options), std::move(sink));
    impl->socket.emplace(std::move(*socket));
    const int on = 1;
    if (setsockopt(impl->socket->fd(), SOL_SOCKET, SO_PASSCRED, &on,
                   sizeof on) != 0) {
        const int e = errno;
        return policy::fail(policy::Errc::io,
                            std::string{"SO_PASSCRED: "} + std::strerror(e));
    }
    impl->readable.reset(event_new(
        loop.base(), impl->socket->fd(), EV_READ | EV_PERSIST,
        [](evutil_socket_t, short, void* self) {
            for (int i = 0; i < batch; ++i)
                if (!static_cast<Impl*>(self)->receive())
                    break;
        },
        impl.get()));
    if (!impl->readable || event_add(impl->readable.get(), nullptr) != 0)
        return policy::fail(policy::Errc::io, "libevent: no event");
    return std::unique_ptr<DatagramListener>{
        new DatagramListener{std::move(impl)}};
}

const Counters& DatagramListener::counters() const
{
    return impl_->intake.counters();
}

}  // namespace milters::login
