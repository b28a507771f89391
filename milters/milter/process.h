// A daemon's life around its work: user, pid file, going to the background.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "milters/net/socket.h"
#include "policy/result.h"

namespace milters::milter {

/// A user to run as.
struct Account {
    std::string name;
    uid_t uid;
    gid_t gid;

    /// From `user` or `user:group`, names or numbers.  From any thread.
    static policy::Result<Account> find(const std::string& text);
};

/// From a name or a number.  From any thread.
policy::Result<gid_t> find_group(const std::string& name);

/// Drops root for good: groups, gid, uid, each checked, and checked that it
/// cannot be had back.
policy::Status become(const Account& account);

/// Owner, group and mode of a socket from names; an empty name means
/// `account`'s, or as created where there is no account.
policy::Result<net::Ownership> ownership(const std::string& owner,
                                         const std::string& group, mode_t mode,
                                         const std::optional<Account>& account);

/// Makes the folder that `path` lies in, owned by `account`, if it is missing
/// and its own parent is there: /run is empty after a boot.
policy::Status make_folder_of(const std::string& path,
                              const std::optional<Account>& account);

/// As many open files as the system allows, but no more than 65536.
void raise_file_limit();

/// A pid file that is locked while this process lives, and removed with it.
class PidFile {
public:
    /// Errc::denied if another process holds it; the text names its pid.
    static policy::Result<PidFile> create(
        const std::string& path, const std::optional<Account>& account);
    PidFile(PidFile&& other) noexcept;
    PidFile& operator=(PidFile&&) = delete;
    ~PidFile() { remove(); }

    void remove();

private:
    PidFile() = default;
    std::string path_;
    int fd_ = -1;
};

/// The two ends of going to the background.  The process that was started
/// returns only when its child has said how the start went.
class Background {
public:
    /// Forks.  The parent waits for ready() or failed() and exits with that;
    /// the child goes on in a session of its own.
    static policy::Result<Background> enter();
    /// Stays in the foreground: ready() and failed() do nothing.
    static Background none() { return Background{-1}; }

    /// The daemon listens.  Standard streams go to /dev/null.
    void ready();
    /// It does not; the parent exits with this code.
    void failed(int exit_code) const;

private:
    explicit Background(int fd) : fd_{fd} {}
    int fd_;
};

}  // namespace milters::milter
