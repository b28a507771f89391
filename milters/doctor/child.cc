#include "milters/doctor/child.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "policy/fd.h"

namespace milters::doctor {
namespace {

using policy::Errc;
using policy::fail;
using policy::Fd;
using policy::Result;
using Clock = std::chrono::steady_clock;

constexpr std::size_t most = 16 << 20;  ///< bytes that a child may say
// Exit codes of a child that did not come to its work.
constexpr int cannot_become = 125;
constexpr int cannot_run = 127;

/// Whether this process has the rights of `user` now.
bool become(const User& user)
{
    if (::geteuid() != 0 || user.uid == 0)
        return true;
    return ::initgroups(user.name.c_str(), user.gid) == 0 &&
           ::setgid(user.gid) == 0 && ::setuid(user.uid) == 0;
}

void write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n <= 0)
            return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string seconds_of(milliseconds limit)
{
    return std::to_string(limit.count() / 1000) + " s";
}

/// Reads until the other end is closed.
Result<std::string> collect(int fd, milliseconds limit)
{
    const auto end = Clock::now() + limit;
    std::string said;
    std::array<char, 8192> bytes;
    while (said.size() < most) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        pollfd ready{fd, POLLIN, 0};
        if (left.count() <= 0 ||
            ::poll(&ready, 1, static_cast<int>(left.count())) == 0)
            return fail(Errc::timeout, "no answer in " + seconds_of(limit));
        const auto n = ::read(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        said.append(bytes.data(), static_cast<std::size_t>(n));
    }
    return said;
}

/// A child that is killed and waited for with this object.
class Child {
public:
    Child(pid_t pid, Fd output) : pid_{pid}, output_{std::move(output)} {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { end(); }

    Result<std::string> said(milliseconds limit)
    {
        auto text = collect(output_.get(), limit);
        if (!text)
            return text;
        const int status = end();
        if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_become)
            return fail(Errc::denied, "cannot become that user");
        if (WIFEXITED(status) && WEXITSTATUS(status) == cannot_run)
            return fail(Errc::gone, *text);
        return text;
    }

private:
    /// Kills the whole group: a program may have started others.
    int end()
    {
        int status = 0;
        if (pid_ <= 0)
            return status;
        if (::waitpid(pid_, &status, WNOHANG) == 0) {
            ::kill(-pid_, SIGKILL);
            ::waitpid(pid_, &status, 0);
        }
        pid_ = 0;
        return status;
    }

    pid_t pid_;
    Fd output_;
};

/// Forks; `body` gets the descriptor to write to, and the exit code.
Result<std::string> forked(milliseconds limit,
                           const std::function<int(int)>& body)
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Errc::io, std::strerror(errno));
    Fd reading{ends[0]};
    Fd writing{ends[1]};
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail(Errc::io, std::strerror(errno));
    if (pid == 0) {
        ::setpgid(0, 0);
        ::signal(SIGPIPE, SIG_IGN);
        ::_exit(body(writing.get()));
    }
    ::setpgid(pid, pid);
    writing = Fd{};
    return Child{pid, std::move(reading)}.said(limit);
}

/// Replaces this process; the exit code if that fails.
int execute(const std::vector<std::string>& command, int input, int output)
{
    std::vector<char*> words;
    for (const auto& word : command)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    ::dup2(input, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(words.front(), words.data());
    write_all(output, command.front() + ": " + std::strerror(errno));
    return cannot_run;
}

}  // namespace

Result<std::string> in_child(milliseconds limit, const User& user,
                             const std::function<std::string()>& work)
{
    return forked(limit, [&](int output) {
        if (!become(user))
            return cannot_become;
        write_all(output, work());
        return 0;
    });
}

Result<std::string> output_of(const std::vector<std::string>& command,
                              const std::string& input, milliseconds limit)
{
    const Fd text{::memfd_create("input", MFD_CLOEXEC)};
    if (!text)
        return fail(Errc::io, std::strerror(errno));
    write_all(text.get(), input);
    ::lseek(text.get(), 0, SEEK_SET);
    return forked(limit, [&](int output) {
        return execute(command, text.get(), output);
    });
}

}  // namespace milters::doctor
