// Unix sockets that appear under their name only when owner and mode are
// right, and who may be believed on them.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>

#include "policy/fd.h"
#include "policy/result.h"

namespace milters::login {

/// Owner and mode of a socket.  0666 is fine where the peer's uid is asked of
/// the kernel, as all listeners of this folder do.
struct SocketMode {
    mode_t mode = 0666;
    std::optional<uid_t> owner{};
    std::optional<gid_t> group{};
};

/// Uids that may report logins; root and our own uid always may.
struct Believed {
    std::set<uid_t> uids{};
    bool operator()(uid_t uid) const;
};

/// A bound unix socket; its name is removed with it, unless the name has
/// become somebody else's in the meantime.
class UnixSocket {
public:
    /// Binds a temporary name, sets owner and mode and renames: nobody can
    /// connect earlier, and a socket that a dead process left is replaced.
    /// Whoever runs two daemons on one name is stopped by the pid file.
    /// @param type  SOCK_STREAM (then it listens too) or SOCK_DGRAM
    static policy::Result<UnixSocket> bind(const std::string& path, int type,
                                           const SocketMode& mode);
    UnixSocket(UnixSocket&&) = default;
    UnixSocket& operator=(UnixSocket&&) = delete;
    ~UnixSocket();

    int fd() const { return fd_.get(); }

private:
    UnixSocket() = default;
    policy::Fd fd_;
    std::string path_;
    dev_t dev_ = 0;
    ino_t ino_ = 0;
};

/// A connected stream socket's peer; nullopt if the kernel does not say.
std::optional<uid_t> peer_uid(int fd);

}  // namespace milters::login
