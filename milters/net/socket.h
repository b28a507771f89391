// Listening sockets, with owner and mode set before anyone can connect.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "policy/config/socket_spec.h"
#include "policy/result.h"

namespace milters::net {

using policy::config::SocketSpec;

/// Who a unix socket belongs to, once it exists.
struct Ownership {
    std::optional<uid_t> owner{};  ///< nullopt: as created
    std::optional<gid_t> group{};
    mode_t mode = 0660;
};

/// The name of a unix socket in the file system; removed with this object,
/// unless the name has become another socket's in the meantime.
class SocketName {
public:
    SocketName() = default;
    SocketName(SocketName&& other) noexcept { *this = std::move(other); }
    SocketName& operator=(SocketName&& other) noexcept;
    ~SocketName() { remove(); }

    /// Takes over a socket that was just bound to `path` under a umask of
    /// 0777: gives it to its owner, and opens it up last.
    static policy::Result<SocketName> adopt(const std::string& path,
                                            const Ownership& ownership);
    void remove();

private:
    std::string path_;
    dev_t dev_ = 0;
    ino_t ino_ = 0;
};

/// Removes a socket that a crashed process left.  An error if `path` is
/// something else, or if a process still listens there.
policy::Status clear_stale(const std::string& path);

/// Sets a umask while it lives.  Of the whole process: only while there is
/// one thread.
class Umask {
public:
    explicit Umask(mode_t mask);
    ~Umask();
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;

private:
    mode_t before_;
};

/// A listening stream socket, non-blocking and close-on-exec.
class ListenSocket {
public:
    /// REQUIRES that the process has one thread yet (it sets the umask), and
    /// a spec that is not off.
    static policy::Result<ListenSocket> open(const SocketSpec& spec,
                                             const Ownership& ownership);
    ListenSocket(ListenSocket&& other) noexcept
        : fd_{std::exchange(other.fd_, -1)}, name_{std::move(other.name_)}
    {
    }
    ListenSocket& operator=(ListenSocket&&) = delete;
    ~ListenSocket();

    int fd() const { return fd_; }
    /// No more connections; the name goes too.
    void close();

private:
    ListenSocket() = default;
    int fd_ = -1;
    SocketName name_;
};

/// Connects without waiting and returns the descriptor, -1 if that fails.
/// For probes: the caller closes it.
int try_connect(const SocketSpec& spec);

}  // namespace milters::net
