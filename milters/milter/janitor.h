// Cleans up after a process that has given up root.
#pragma once

#include <string>
#include <vector>

#include "policy/result.h"

namespace milters::milter {

/// A small child process that keeps root while the milter drops it, and does
/// one thing: when the milter has ended, in whatever way, it removes the
/// milter's sockets and pid file.  Needed only where they lie in folders that
/// the milter's user cannot write, such as /run itself.
class Janitor {
public:
    /// Forks.  REQUIRES one thread, and that all names exist.
    /// @param names     sockets; each is removed only if it is still the same
    /// @param pid_file  removed last, and only if nobody has locked it: a
    ///                  milter that was started in the meantime keeps all
    static policy::Result<Janitor> start(const std::vector<std::string>& names,
                                         const std::string& pid_file);
    Janitor(Janitor&& other) noexcept;
    Janitor& operator=(Janitor&&) = delete;
    /// The milter's end is closed by the end of the process, not earlier.
    ~Janitor() = default;

    /// It is not needed; ends without doing anything.
    void dismiss();

private:
    explicit Janitor(int fd) : fd_{fd} {}
    int fd_;
};

/// Whether this process may remove all these names.
bool may_remove(const std::vector<std::string>& names);

}  // namespace milters::milter
