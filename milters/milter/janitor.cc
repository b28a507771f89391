#include "milters/milter/janitor.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "milters/milter/own_files.h"

namespace milters::milter {
namespace {

/// Nobody runs in its place.  Keeps the lock until the process ends.
bool is_free(const std::string& pid_file)
{
    if (pid_file.empty())
        return true;
    const int fd = open(pid_file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

/// Everything but `keep`: sockets must not stay open, nor the pid file's lock.
void close_others(int keep)
{
    const long most = std::min(sysconf(_SC_OPEN_MAX), 65536L);
    for (int fd = 0; fd < most; ++fd)
        if (fd != keep)
            close(fd);
}

[[noreturn]] void wait_and_clean(int fd, const OwnFiles& names,
                                 const std::string& pid_file)
{
    close_others(fd);
    char word = 0;
    ssize_t n = 0;
    do
        n = read(fd, &word, 1);
    while (n < 0 && errno == EINTR);
    if (n == 0 && is_free(pid_file))
        names.remove();
    _exit(0);
}

}  // namespace

policy::Result<Janitor> Janitor::start(const std::vector<std::string>& names,
                                       const std::string& pid_file)
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return policy::fail(policy::Errc::io, std::strerror(errno));
    auto all = names;
    if (!pid_file.empty())
        all.push_back(pid_file);
    const OwnFiles known{all};
    // A grandchild, so that no zombie and no SIGCHLD come back to the milter.
    const pid_t child = fork();
    if (child < 0)
        return policy::fail(policy::Errc::io, std::strerror(errno));
    if (child == 0) {
        if (fork() == 0)
            wait_and_clean(ends[0], known, pid_file);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    close(ends[0]);
    return Janitor{ends[1]};
}

Janitor::Janitor(Janitor&& other) noexcept : fd_{std::exchange(other.fd_, -1)}
{
}

void Janitor::dismiss()
{
    const char word = 'x';
    [[maybe_unused]] const auto n = write(fd_, &word, 1);
    close(std::exchange(fd_, -1));
}

bool may_remove(const std::vector<std::string>& names)
{
    return std::all_of(names.begin(), names.end(), [](const std::string& name) {
        const auto folder = name.substr(0, name.rfind('/') + 1);
        struct stat info {};
        if (access(folder.c_str(), W_OK) != 0 ||
            stat(folder.c_str(), &info) != 0)
            return false;
        // In /tmp only owners may remove; sockets may have another owner.
        return (info.st_mode & S_ISVTX) == 0 || info.st_uid == geteuid();
    });
}

}  // namespace milters::milter
