#include "milters/filter/launcher.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "policy/fd.h"
#include "policy/recipe/limits.h"

namespace milters::filter {
namespace {

using policy::Errc;
using policy::fail;
using policy::Fd;
using policy::recipe::ProgramResult;
namespace limits = policy::recipe::limits;

constexpr std::size_t most_argument_bytes = 32 * 1024;
constexpr int not_started = 127;
constexpr int by_signal = 128;
/// Files that go with a request: standard input, output, and the answer.
constexpr std::size_t passed_fds = 3;

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

/// A request: milliseconds, then the words, each ended by NUL.
std::string packed(const std::vector<std::string>& words,
                   std::chrono::milliseconds limit)
{
    std::string out = std::to_string(limit.count()) + '\0';
    for (const std::string& word : words)
        out += word + '\0';
    return out;
}

using Control = std::array<char, CMSG_SPACE(passed_fds * sizeof(int))>;

bool send_request(int socket, const std::string& bytes,
                  const std::array<int, passed_fds>& fds)
{
    alignas(cmsghdr) Control control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fds);
    std::memcpy(CMSG_DATA(head), fds.data(), sizeof fds);
    ssize_t n = 0;
    do
        n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == static_cast<ssize_t>(bytes.size());
}

/// Length of the request, 0 at the end, -1 for one that is not whole.
ssize_t receive_request(int socket, char* bytes, std::size_t room,
                        std::array<int, passed_fds>& fds)
{
    alignas(cmsghdr) Control control{};
    iovec part{bytes, room};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t n = 0;
    do
        n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    const cmsghdr* const head = CMSG_FIRSTHDR(&message);
    if (!head || head->cmsg_len != CMSG_LEN(sizeof fds))
        return -1;
    std::memcpy(fds.data(), CMSG_DATA(head), sizeof fds);
    return n;
}

/// In the child: becomes the program, or exits.
[[noreturn]] void become_program(std::vector<char*>& words,
                                 const std::array<int, passed_fds>& fds,
                                 const std::optional<milter::Account>& account)
{
    ::setpgid(0, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::dup2(fds[0], STDIN_FILENO);
    ::dup2(fds[1], STDOUT_FILENO);
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
                         const std::array<int, passed_fds>& fds,
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
        become_program(words, fds, account);
    ::close(fds[0]);
    ::close(fds[1]);
    const int code = child < 0 ? not_started : wait_for(child, milliseconds);
    write_all(fds[2], std::to_string(code));
    ::_exit(0);
}

/// The launcher's life.
[[noreturn]] void serve(int socket,
                        const std::optional<milter::Account>& account)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "filter-launcher");
    std::signal(SIGCHLD, SIG_IGN);
    for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1})
        std::signal(signal, SIG_IGN);
    std::vector<char> bytes(most_argument_bytes + 1);
    for (;;) {
        std::array<int, passed_fds> fds{-1, -1, -1};
        const ssize_t n =
            receive_request(socket, bytes.data(), most_argument_bytes, fds);
        if (n == 0)
            ::_exit(0);
        if (n > 0) {
            bytes[static_cast<std::size_t>(n)] = '\0';
            if (::fork() == 0)
                attend(bytes.data(), static_cast<std::size_t>(n), fds, account);
        }
        for (const int fd : fds)
            if (fd >= 0)
                ::close(fd);
    }
}

/// The message as a file that nobody can change.
int input_file(std::string_view input)
{
    const int fd = ::memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || !write_all(fd, input) || ::lseek(fd, 0, SEEK_SET) != 0)
        return -1;
    ::fcntl(fd, F_ADD_SEALS,
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return fd;
}

/// Reads `fd` to its end, up to `most` bytes; false: too much, or too late.
bool read_output(int fd, std::string& out, std::size_t most,
                 std::chrono::steady_clock::time_point end)
{
    std::array<char, 16 * 1024> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd wanted{fd, POLLIN, 0};
        const int ready =
            left.count() > 0
                ? ::poll(&wanted, 1, static_cast<int>(left.count()))
                : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        const ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0;
        out.append(buffer.data(), static_cast<std::size_t>(n));
        if (out.size() > most)
            return false;
    }
}

}  // namespace

policy::Result<std::shared_ptr<Launcher>> Launcher::start(
    const std::optional<milter::Account>& account)
{
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) !=
        0)
        return fail(Errc::io,
                    std::string{"socketpair: "} + std::strerror(errno));
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail(Errc::io, std::string{"fork: "} + std::strerror(errno));
    if (pid == 0) {
        ::close(pair[0]);
        serve(pair[1], ::geteuid() == 0 ? account : std::nullopt);
    }
    ::close(pair[1]);
    return std::shared_ptr<Launcher>{new Launcher{pair[0], pid}};
}

Launcher::~Launcher()
{
    ::close(socket_);
    ::waitpid(pid_, nullptr, 0);
}

ProgramResult Launcher::run(const std::vector<std::string>& words,
                            std::string_view input,
                            std::chrono::milliseconds limit)
{
    ProgramResult result;
    const std::string request = packed(words, limit);
    std::array<int, 2> output{-1, -1}, answer{-1, -1};
    const Fd in{input_file(input)};
    const bool ready = request.size() <= most_argument_bytes && in.get() >= 0 &&
                       ::pipe2(output.data(), O_CLOEXEC) == 0;
    const bool both = ready && ::pipe2(answer.data(), O_CLOEXEC) == 0;
    Fd out_read{output[0]}, out_write{output[1]};
    Fd end_read{answer[0]}, end_write{answer[1]};
    if (!both || !send_request(socket_, request,
                               {in.get(), out_write.get(), end_write.get()})) {
        result.error = words[0] + ": cannot be started";
        return result;
    }
    out_write.reset();
    end_write.reset();
    const auto end = std::chrono::steady_clock::now() + limit +
                     std::chrono::milliseconds{500};
    const bool whole =
        read_output(out_read.get(), result.output, limits::program_output, end);
    out_read.reset();
    std::string code;
    if (read_output(end_read.get(), code, 16, end) && !code.empty())
        result.status = std::stoi(code);
    if (!whole && result.status == 0)
        result.status = by_signal + SIGPIPE;
    if (result.status >= not_started) {
        result.output.clear();
        result.error = words[0] + (result.status == not_started
                                       ? ": cannot be started"
                                       : ": took too long, wrote too much, or "
                                         "ended by a signal");
    }
    return result;
}

}  // namespace milters::filter
