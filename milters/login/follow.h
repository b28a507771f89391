// Logins from the log of a server that has no hook.
#pragma once

#include <memory>
#include <string>

#include "milters/login/intake.h"
#include "milters/net/loop.h"

namespace milters::login {

struct FollowOptions {
    Common common{};
    std::string file;
    /// A name of LogFormat::names(), or the path of a pattern file.
    std::string format = "dovecot";
    /// Folder where the place in the log survives a restart; empty: nowhere.
    std::string state_dir{};
};

/// Follows one log file (tail.h) and reports the logins in it (log_format.h)
/// as of source "log".
///
/// A line that is read as it is written counts from now.  One that is read
/// later (we were not running, the file was rotated or cut) counts from its
/// stamp, and not at all if that lies in the future: old lines never become
/// fresh grants.  Thread rule as HttpListener.
class LogFollower {
public:
    /// An error for an unknown format or bad pattern file.  A log that is
    /// missing or unreadable is only a warning: it may come.
    static policy::Result<std::unique_ptr<LogFollower>> make(
        net::Loop& loop, FollowOptions options,
        policy::relayers::LoginSink sink);
    /// Stores the place in the log.
    ~LogFollower();
    LogFollower(const LogFollower&) = delete;
    LogFollower& operator=(const LogFollower&) = delete;

    const Counters& counters() const;

    /// The log is looked at this often even if inotify says nothing (NFS).
    static constexpr std::chrono::seconds interval{1};
    /// Longer than this without a look: we were stopped, and trust no clock
    /// but the line's.
    static constexpr std::chrono::seconds stall{5};
    /// How far a stamp may lie in the future when catching up.
    static constexpr std::chrono::seconds max_skew{60};

private:
    struct Impl;
    explicit LogFollower(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// File in `state_dir` where the place in `log` is kept: `follow_` and its
/// path with `_` for `/`.
std::string state_file(const std::string& state_dir, const std::string& log);

}  // namespace milters::login
