#include "milters/scanner/clamd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "milters/scanner/channel.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::config::SocketSpec;
using policy::scan::EngineInfo;
using policy::scan::ScanJob;
using policy::scan::ScanStatus;
using policy::scan::Verdict;
using Steady = std::chrono::steady_clock;
using Tick = std::function<void()>;

constexpr auto connect_limit = 5s;
constexpr auto version_limit = 5s;
constexpr auto tick_interval = 1s;
constexpr std::size_t max_reply = 4096;
constexpr std::size_t chunk_size = 256 * 1024;

auto system_error(const std::string& what)
{
    const int error = errno;
    return policy::fail(Errc::io, what + ": " + std::strerror(error));
}

/// One conversation with a server, with an end and ticks on the way.
class Talk {
public:
    Talk(Fd socket, Steady::time_point end, const Tick& tick)
        : socket_{std::move(socket)}, end_{end}, tick_{tick}
    {
    }

    Status send(std::string_view bytes)
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

    /// The open file itself, beside a byte (clamd(8), FILDES).
    Status send_file(int file)
    {
        if (auto s = wait(POLLOUT); !s)
            return s;
        return send_packet(socket_.get(), std::string_view{"\0", 1}, file);
    }

    /// Up to the NUL that ends a reply.
    policy::Result<std::string> reply()
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

    Status wait(short what)
    {
        while (Steady::now() < end_) {
            pollfd fd{socket_.get(), what, 0};
            const auto rest = std::chrono::ceil<std::chrono::milliseconds>(
                std::min<Steady::duration>(end_ - Steady::now(),
                                           tick_interval));
            if (::poll(&fd, 1, static_cast<int>(rest.count())) > 0)
                return {};
            tick_();
        }
        return policy::fail(Errc::timeout, "no answer in time");
    }

    int fd() const { return socket_.get(); }

private:
    Fd socket_;
    Steady::time_point end_;
    const Tick& tick_;
};

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

policy::Result<Talk> connect_to(const SocketSpec& spec, Steady::time_point end,
                                const Tick& tick)
{
    return spec.kind == SocketSpec::Kind::unix_path
               ? connect_unix(spec.path, end, tick)
               : connect_inet(spec, end, tick);
}

/// The message in chunks, each with its length in front; 0 ends it.
Status send_stream(Talk& talk, const ScanJob& job)
{
    if (auto s = talk.send(std::string_view{"zINSTREAM\0", 10}); !s)
        return s;
    std::string buffer(chunk_size, '\0');
    for (std::uint64_t at = 0; at < job.size;) {
        const ssize_t n = ::pread(job.fd, buffer.data(), buffer.size(),
                                  static_cast<off_t>(at));
        if (n <= 0)
            return system_error("message");
        const auto length = htonl(static_cast<std::uint32_t>(n));
        if (auto s = talk.send(
                {reinterpret_cast<const char*>(&length), sizeof length});
            !s)
            return s;
        if (auto s = talk.send({buffer.data(), static_cast<std::size_t>(n)});
            !s)
            return s;
        at += static_cast<std::uint64_t>(n);
    }
    return talk.send(std::string_view{"\0\0\0\0", 4});
}

Status send_job(Talk& talk, const SocketSpec& where, const ScanJob& job)
{
    if (where.kind != SocketSpec::Kind::unix_path)
        return send_stream(talk, job);
    if (auto s = talk.send(std::string_view{"zFILDES\0", 8}); !s)
        return s;
    return talk.send_file(job.fd);
}

}  // namespace

Verdict read_clamd_reply(std::string_view reply)
{
    Verdict verdict;
    const auto colon = reply.find(": ");
    const auto said =
        colon == std::string_view::npos ? reply : reply.substr(colon + 2);
    if (said == "OK" && colon != std::string_view::npos)
        return verdict;
    if (said.ends_with(" FOUND")) {
        const auto name = said.substr(0, said.size() - 6);
        verdict.add(policy::scan::status_of_signature(name), name);
    } else if (reply.find("size limit exceeded") != std::string_view::npos) {
        verdict.add(ScanStatus::limits,
                    "Heuristics.Limits.Exceeded.StreamMaxLength");
    } else {
        verdict.add(ScanStatus::error, "");
        verdict.detail = "clamd: " + std::string{reply.substr(0, 200)};
    }
    return verdict;
}

EngineInfo read_clamd_version(std::string_view reply)
{
    EngineInfo info;
    const auto blank = reply.find(' ');
    const auto slash = reply.find('/');
    if (blank == std::string_view::npos)
        return info;
    info.name = reply.substr(0, blank);
    info.version = reply.substr(
        blank + 1, slash == std::string_view::npos ? slash : slash - blank - 1);
    if (slash != std::string_view::npos)
        std::from_chars(reply.data() + slash + 1, reply.data() + reply.size(),
                        info.base);
    return info;
}

ClamdPool::ClamdPool(ClamdOptions options) : options_{std::move(options)}
{
    for (const auto& server : options_.servers)
        servers_.push_back({server});
}

/// The servers in turn, those that failed lately last.
std::vector<std::size_t> ClamdPool::order()
{
    const std::lock_guard lock{mutex_};
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        out.push_back((next_ + i) % servers_.size());
    next_ = (next_ + 1) % servers_.size();
    const auto now = Steady::now();
    std::stable_partition(out.begin(), out.end(), [&](std::size_t i) {
        return servers_[i].down_until <= now;
    });
    return out;
}

void ClamdPool::failed(std::size_t server, const std::string& why)
{
    const std::lock_guard lock{mutex_};
    Server& s = servers_[server];
    s.down_until = Steady::now() + options_.probe;
    s.asked_at = {};
    if (options_.log)
        options_.log(true, "clamd " + s.where.text() + ": " + why);
}

/// Asked again after the probe interval: verdicts of other signatures must
/// not be remembered.
Status ClamdPool::learn_version(std::size_t server)
{
    SocketSpec where;
    {
        const std::lock_guard lock{mutex_};
        if (Steady::now() - servers_[server].asked_at < options_.probe)
            return {};
        where = servers_[server].where;
    }
    const Tick no_tick = [] {};
    auto talk = connect_to(where, Steady::now() + version_limit, no_tick);
    if (!talk)
        return policy::fail(talk.error());
    if (auto s = talk->send(std::string_view{"zVERSION\0", 9}); !s)
        return s;
    const auto version = talk->reply();
    if (!version)
        return policy::fail(version.error());
    const std::lock_guard lock{mutex_};
    servers_[server].version = *version;
    servers_[server].asked_at = Steady::now();
    return {};
}

policy::Result<Verdict> ClamdPool::scan_at(std::size_t server,
                                           const ScanJob& job, const Tick& tick)
{
    if (auto s = learn_version(server); !s)
        return policy::fail(s.error());
    const SocketSpec& where = options_.servers[server];
    auto talk = connect_to(where, Steady::now() + options_.timeout, tick);
    if (!talk)
        return policy::fail(talk.error());
    const auto sent = send_job(*talk, where, job);
    // A server that has had enough says why before it closes.
    const auto reply = talk->reply();
    if (!reply)
        return policy::fail(sent ? reply.error() : sent.error());
    return read_clamd_reply(*reply);
}

Verdict ClamdPool::scan(const ScanJob& job, const Tick& tick)
{
    std::string why = "no clamd server";
    for (const std::size_t server : order()) {
        auto verdict = scan_at(server, job, tick);
        if (verdict && verdict->status() != ScanStatus::error) {
            verdict->generation = generation();
            return std::move(*verdict);
        }
        why = verdict ? verdict->detail : verdict.error().text;
        failed(server, why);
    }
    return Verdict::error(why);
}

std::string ClamdPool::generation() const
{
    const std::lock_guard lock{mutex_};
    std::string out;
    for (const Server& server : servers_)
        out += server.version + '\n';
    return out;
}

EngineInfo ClamdPool::info() const
{
    EngineInfo info;
    {
        const std::lock_guard lock{mutex_};
        for (const Server& server : servers_)
            if (info.name.empty())
                info = read_clamd_version(server.version);
    }
    info.generation = info.name.empty() ? "" : generation();
    return info;
}

}  // namespace milters::scanner
