#include "milters/login/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace milters::login {

using policy::Fd;

namespace {

constexpr int backlog = 128;

auto failed(const std::string& path, const char* what)
{
    const int e = errno;
    return policy::fail(policy::Errc::io,
                        path + ": " + what + ": " + std::strerror(e));
}

policy::Result<sockaddr_un> address_of(const std::string& path)
{
    sockaddr_un sa{};
    sa.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof sa.sun_path)
        return policy::fail(policy::Errc::usage,
                            "'" + path + "': no path for a unix socket");
    std::copy(path.begin(), path.end(), sa.sun_path);
    return sa;
}

/// A socket or nothing may be replaced; a file, link or directory may not.
bool may_replace(const std::string& path)
{
    struct stat st {};
    return lstat(path.c_str(), &st) != 0 || S_ISSOCK(st.st_mode);
}

bool set_owner_and_mode(const std::string& path, const SocketMode& mode)
{
    if ((mode.owner || mode.group) &&
        lchown(path.c_str(), mode.owner.value_or(static_cast<uid_t>(-1)),
               mode.group.value_or(static_cast<gid_t>(-1))) != 0)
        return false;
    return chmod(path.c_str(), mode.mode) == 0;
}

}  // namespace

bool Believed::operator()(uid_t uid) const
{
    return uid == 0 || uid == geteuid() || uids.contains(uid);
}

policy::Result<UnixSocket> UnixSocket::bind(const std::string& path, int type,
                                            const SocketMode& mode)
{
    const std::string temp = path + ".new";
    const auto sa = address_of(temp);
    if (!sa)
        return policy::fail(sa.error());
    if (!may_replace(path))
        return policy::fail(policy::Errc::denied,
                            path + ": exists and is no socket");
    UnixSocket s;
    s.fd_ = Fd{socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!s.fd_)
        return failed(path, "socket");
    unlink(temp.c_str());
    if (::bind(s.fd(), reinterpret_cast<const sockaddr*>(&*sa), sizeof *sa) !=
        0)
        return failed(temp, "bind");
    struct stat st {};
    if (!set_owner_and_mode(temp, mode) || stat(temp.c_str(), &st) != 0 ||
        (type == SOCK_STREAM && listen(s.fd(), backlog) != 0) ||
        std::rename(temp.c_str(), path.c_str()) != 0) {
        auto error = failed(path, "cannot set up the socket");
        unlink(temp.c_str());
        return error;
    }
    s.path_ = path;
    s.dev_ = st.st_dev;
    s.ino_ = st.st_ino;
    return s;
}

UnixSocket::~UnixSocket()
{
    struct stat st {};
    if (fd_ && !path_.empty() && lstat(path_.c_str(), &st) == 0 &&
        st.st_dev == dev_ && st.st_ino == ino_)
        unlink(path_.c_str());
}

std::optional<uid_t> peer_uid(int fd)
{
    ucred cred{};
    socklen_t size = sizeof cred;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
        return std::nullopt;
    return cred.uid;
}

}  // namespace milters::login
