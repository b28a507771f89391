#include "milters/filter/program_starter.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "milters/filter/program_request.h"

namespace milters::filter {
namespace {

/// In the child: becomes the program, or exits.
[[noreturn]] void become_program(std::vector<char*>& words,
                                 const RequestFiles& files,
                                 const std::optional<milter::Account>& account)
{
    ::setpgid(0, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::dup2(files[0], STDIN_FILENO);
    ::dup2(files[1], STDOUT_FILENO);
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDERR_FILENO);
    ::closefrom(STDERR_FILENO + 1);
    if (account && (::setgroups(0, nullptr) != 0 ||
                    ::setgid(account->gid) != 0 || ::setuid(account->uid) != 0))
        ::_exit(not_started);
    if (::chdir("/") != 0)
        ::_exit(not_started);
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    std::string path = "PATH=/usr/bin:/bin";
    std::array<char*, 2> environment{path.data(), nullptr};
    for (const int signal : {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP})
        std::signal(signal, SIG_DFL);
    sigset_t all;
    sigemptyset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    ::execve(words[0], words.data(), environment.data());
    ::_exit(not_started);
}

/// Waits for the program or its end of time -> exit code.
int wait_for(pid_t child, long milliseconds)
{
    const auto end = std::chrono::steady_clock::now() +
                     std::chrono::milliseconds{milliseconds};
    int status = 0;
    for (int pause = 1;; pause = std::min(pause * 2, 20)) {
        if (::waitpid(child, &status, WNOHANG) == child)
            break;
        if (std::chrono::steady_clock::now() >= end) {
            ::kill(-child, SIGKILL);
            ::kill(child, SIGKILL);
            ::waitpid(child, &status, 0);
            return by_signal + SIGKILL;
        }
        ::poll(nullptr, 0, pause);
    }
    ::kill(-child, SIGKILL);  // whatever it left running
    return WIFEXITED(status) ? WEXITSTATUS(status)
                             : by_signal + WTERMSIG(status);
}

/// One request, in a process of its own.
[[noreturn]] void attend(char* bytes, std::size_t size,
                         const RequestFiles& files,
                         const std::optional<milter::Account>& account)
{
    std::signal(SIGCHLD, SIG_DFL);
    const long milliseconds = std::atol(bytes);
    std::vector<char*> words;
    for (std::size_t at = std::strlen(bytes) + 1; at < size;
         at += std::strlen(bytes + at) + 1)
        words.push_back(bytes + at);
    words.push_back(nullptr);
    const pid_t child = words.size() > 1 ? ::fork() : -1;
    if (child == 0)
        become_program(words, files, account);
    ::close(files[0]);
    ::close(files[1]);
    const int code = child < 0 ? not_started : wait_for(child, milliseconds);
    const std::string text = std::to_string(code);
    // No room for three bytes in a pipe that is empty: nothing else helps.
    if (::write(files[2], text.data(), text.size()) < 0)
        ::_exit(1);
    ::_exit(0);
}

}  // namespace

void start_programs(int socket, const std::optional<milter::Account>& account)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "filter-launcher");
    std::signal(SIGCHLD, SIG_IGN);
    for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1})
        std::signal(signal, SIG_IGN);
    std::vector<char> bytes(most_request_bytes + 1);
    for (;;) {
        RequestFiles files{-1, -1, -1};
        const ssize_t n =
            receive_request(socket, bytes.data(), most_request_bytes, files);
        if (n == 0)
            ::_exit(0);
        if (n > 0) {
            bytes[static_cast<std::size_t>(n)] = '\0';
            if (::fork() == 0)
                attend(bytes.data(), static_cast<std::size_t>(n), files,
                       account);
        }
        for (const int fd : files)
            if (fd >= 0)
                ::close(fd);
    }
}

}  // namespace milters::filter
