#include "milters/scanner/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

namespace milters::scanner {
namespace {

/// 0 where it worked, else errno.
using Attempt = int (*)(const Sandbox&);

int outcome(long result)
{
    return result < 0 ? errno : 0;
}

int try_socket(const Sandbox&)
{
    return outcome(::socket(AF_INET, SOCK_STREAM, 0));
}

int try_connect(const Sandbox&)
{
    const sockaddr_un address{AF_UNIX, "/dev/log"};
    return outcome(::connect(0, reinterpret_cast<const sockaddr*>(&address),
                             sizeof address));
}

int try_exec(const Sandbox&)
{
    char* const arguments[] = {const_cast<char*>("true"), nullptr};
    return outcome(::execv("/bin/true", arguments));
}

int try_fork(const Sandbox&)
{
    return outcome(::fork());
}

int try_kill(const Sandbox&)
{
    return outcome(::kill(::getppid(), SIGUSR1));
}

int try_ptrace(const Sandbox&)
{
    return outcome(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr));
}

int try_read(const Sandbox&)
{
    return outcome(::open("/etc/passwd", O_RDONLY));
}

int try_write(const Sandbox&)
{
    return outcome(::open("/tmp/postern-probe", O_WRONLY | O_CREAT, 0600));
}

int try_memory(const Sandbox& sandbox)
{
    const std::size_t much = 2 * sandbox.memory + 4096;
    const void* got = ::mmap(nullptr, much, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return got == MAP_FAILED ? errno : 0;
}

/// The one thing that must work.
int try_unpack(const Sandbox& sandbox)
{
    const std::string file = sandbox.temp_dir + "/part";
    return outcome(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
}

const std::map<std::string, Attempt>& attempts()
{
    static const std::map<std::string, Attempt> all = {
        {"socket", try_socket}, {"connect", try_connect},
        {"exec", try_exec},     {"fork", try_fork},
        {"kill", try_kill},     {"ptrace", try_ptrace},
        {"read", try_read},     {"write", try_write},
        {"memory", try_memory}, {"unpack", try_unpack}};
    return all;
}

/// Exit code of a probe that could not even enter the sandbox.
constexpr int no_sandbox = 255;

}  // namespace

std::vector<std::string> probe_names()
{
    std::vector<std::string> names;
    for (const auto& [name, attempt] : attempts())
        names.push_back(name);
    return names;
}

Probed probe(const std::string& name, const Sandbox& sandbox)
{
    const pid_t pid = ::fork();
    if (pid < 0)
        return {true, std::strerror(errno)};
    if (pid == 0) {
        if (!enter(sandbox))
            ::_exit(no_sandbox);
        ::_exit(attempts().at(name)(sandbox));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) {
        const char* signal = ::sigabbrev_np(WTERMSIG(status));
        return {false, "SIG" + std::string{signal ? signal : "?"}};
    }
    const int code = WEXITSTATUS(status);
    if (code == no_sandbox)
        return {true, "no sandbox"};
    if (code == 0)
        return {true, "allowed"};
    const char* error = ::strerrorname_np(code);
    return {false, error ? error : std::to_string(code)};
}

}  // namespace milters::scanner
