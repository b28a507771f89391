#include "milters/net/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace milters::net {
namespace {

using policy::Errc;
using policy::fail;

std::string because(const std::string& what)
{
    return what + ": " + std::strerror(errno);
}

/// Closes a descriptor, if it is one.
struct FdGuard {
    explicit FdGuard(int d) : fd{d} {}
    ~FdGuard()
    {
        if (fd >= 0)
            ::close(fd);
    }
    FdGuard(const FdGuard&) = delete;
    FdGuard& operator=(const FdGuard&) = delete;
    int fd;
};

/// An address to bind or to connect to.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const
    {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    int family() const { return storage.ss_family; }
};

Address unix_address(const std::string& path)
{
    Address address;
    auto* const un = reinterpret_cast<sockaddr_un*>(&address.storage);
    un->sun_family = AF_UNIX;
    path.copy(un->sun_path, sizeof un->sun_path - 1);
    address.size = sizeof *un;
    return address;
}

struct FreeInfo {
    void operator()(addrinfo* info) const noexcept { freeaddrinfo(info); }
};

/// @param listening  an empty host is any address, else loopback
policy::Result<Address> ip_address(const SocketSpec& spec, bool listening)
{
    addrinfo hints{};
    hints.ai_family = spec.kind == SocketSpec::Kind::inet6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = listening ? AI_PASSIVE : 0;
    addrinfo* found = nullptr;
    const int rc =
        getaddrinfo(spec.host.empty() ? nullptr : spec.host.c_str(),
                    std::to_string(spec.port).c_str(), &hints, &found);
    const std::unique_ptr<addrinfo, FreeInfo> owned{found};
    if (rc != 0)
        return fail(Errc::usage, spec.text() + ": " + gai_strerror(rc));
    Address address;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    return address;
}

policy::Result<Address> address_of(const SocketSpec& spec, bool listening)
{
    if (spec.kind == SocketSpec::Kind::unix_path)
        return unix_address(spec.path);
    return ip_address(spec, listening);
}

constexpr int backlog = 128;

policy::Status bind_and_listen(int fd, const Address& address,
                               const std::string& name)
{
    const int one = 1;
    if (address.family() != AF_UNIX)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address.family() == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    const Umask closed{0777};
    if (bind(fd, address.get(), address.size) != 0 || listen(fd, backlog) != 0)
        return fail(Errc::io, because(name));
    return {};
}

}  // namespace

SocketName& SocketName::operator=(SocketName&& other) noexcept
{
    remove();
    path_ = std::exchange(other.path_, {});
    dev_ = other.dev_;
    ino_ = other.ino_;
    return *this;
}

namespace {

/// Owner and mode of the socket itself, whatever its name has become in the
/// meantime: in a folder of somebody else it may be a symlink by now.
policy::Status give(const std::string& path, int fd, uid_t uid, gid_t gid,
                    mode_t mode)
{
#ifdef O_PATH
    const auto self = "/proc/self/fd/" + std::to_string(fd);
    const bool chowned = fchownat(fd, "", uid, gid, AT_EMPTY_PATH) == 0;
    if (chowned && chmod(self.c_str(), mode) == 0)
        return {};
    if (chowned && errno != ENOENT)
        return fail(Errc::denied, because(path));
#endif
    // No /proc here.
    if (lchown(path.c_str(), uid, gid) != 0)
        return fail(Errc::denied, because(path + ": change of owner"));
    if (fchmodat(AT_FDCWD, path.c_str(), mode, 0) != 0)
        return fail(Errc::denied, because(path));
    return {};
}

}  // namespace

policy::Result<SocketName> SocketName::adopt(const std::string& path,
                                             const Ownership& ownership)
{
#ifdef O_PATH
    const int fd = ::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat info {};
    const bool found = fd >= 0 && fstat(fd, &info) == 0;
#else
    const int fd = -1;
    struct stat info {};
    const bool found = lstat(path.c_str(), &info) == 0;
#endif
    const FdGuard guard{fd};
    if (!found || !S_ISSOCK(info.st_mode))
        return fail(Errc::io, path + ": the socket was taken away");
    SocketName name;
    name.path_ = path;
    name.dev_ = info.st_dev;
    name.ino_ = info.st_ino;
    if (auto given =
            give(path, fd, ownership.owner.value_or(info.st_uid),
                 ownership.group.value_or(info.st_gid), ownership.mode);
        !given)
        return fail(given.error());
    return name;
}

void SocketName::remove()
{
    struct stat info {};
    if (!path_.empty() && lstat(path_.c_str(), &info) == 0 &&
        info.st_dev == dev_ && info.st_ino == ino_)
        unlink(path_.c_str());
    path_.clear();
}

policy::Status clear_stale(const std::string& path)
{
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT)
            return {};
        return fail(Errc::io, because(path));
    }
    if (!S_ISSOCK(info.st_mode))
        return fail(Errc::usage, path + " exists and is not a socket");
    const int fd =
        try_connect({SocketSpec::Kind::unix_path, path, std::string{}, 0});
    if (fd >= 0) {
        close(fd);
        return fail(Errc::denied, path + ": another process listens there");
    }
    if (unlink(path.c_str()) != 0)
        return fail(Errc::io, because(path));
    return {};
}

Umask::Umask(mode_t mask) : before_{::umask(mask)} {}

Umask::~Umask()
{
    ::umask(before_);
}

policy::Result<ListenSocket> ListenSocket::open(const SocketSpec& spec,
                                                const Ownership& ownership)
{
    const bool local = spec.kind == SocketSpec::Kind::unix_path;
    const auto address = address_of(spec, true);
    if (!address)
        return fail(address.error());
    if (local)
        if (const auto clear = clear_stale(spec.path); !clear)
            return fail(clear.error());
    ListenSocket out;
    out.fd_ = socket(address->family(),
                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out.fd_ < 0)
        return fail(Errc::io, because(spec.text()));
    if (const auto bound = bind_and_listen(out.fd_, *address, spec.text());
        !bound)
        return fail(bound.error());
    if (local) {
        auto name = SocketName::adopt(spec.path, ownership);
        if (!name)
            return fail(name.error());
        out.name_ = std::move(*name);
    }
    return out;
}

void ListenSocket::close()
{
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
    name_.remove();
}

ListenSocket::~ListenSocket()
{
    close();
}

int try_connect(const SocketSpec& spec)
{
    const auto address = address_of(spec, false);
    if (!address)
        return -1;
    const int fd = socket(address->family(),
                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, address->get(), address->size) == 0 ||
        errno == EINPROGRESS || errno == EAGAIN)
        return fd;
    ::close(fd);
    return -1;
}

}  // namespace milters::net
