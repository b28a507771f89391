// What a worker may still do once it reads hostile files: compute, read the
// message, and use a folder of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "policy/result.h"

namespace milters::scanner {

/// Whom a worker runs as.
struct UserId {
    uid_t uid;
    gid_t gid;
};

struct Sandbox {
    std::optional<UserId> user;  ///< only root can change it
    std::string temp_dir;        ///< the one place where it may write
    std::uint64_t memory = 0;    ///< bytes beyond what it has now; 0: no bound
    std::uint64_t file_size =
        0;  ///< bytes of one file in temp_dir; 0: no bound
};

/// Locks this process in for good: resource limits, user, no new privileges,
/// Landlock (where the kernel has it), and an allow-list of system calls that
/// kills the process at anything else: sockets, exec, fork, ptrace, signals
/// to others, mounts.  Reading is possible below temp_dir and in the C
/// library's folder of character sets.
///
/// An error leaves the process half locked in: it must end.
policy::Status enter(const Sandbox& sandbox);

/// Version of Landlock that the kernel has; 0: none.
int landlock_version();

}  // namespace milters::scanner
