#include "milters/scanner/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

namespace milters::scanner {
namespace {

/// The control socket's number in the scanner.
constexpr int control_there = 3;

std::mutex ended_mutex;
std::vector<pid_t> ended;  ///< let go of, not fetched yet

/// posix_spawn(3) settings: the open files, and signals as after a login.
class SpawnSettings {
public:
    SpawnSettings(int control, const HeldSet* set, bool silent)
    {
        ::posix_spawn_file_actions_init(&actions_);
        for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            if (silent)
                ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null",
                                                   O_RDWR, 0);
        ::posix_spawn_file_actions_adddup2(&actions_, control, control_there);
        if (set)
            for (const Fd& file : set->files())  // the same number: kept open
                ::posix_spawn_file_actions_adddup2(&actions_, file.get(),
                                                   file.get());
        ::posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setsigdefault(&attributes_, &all);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~SpawnSettings()
    {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    int spawn(pid_t& pid, const std::string& program, char* const* argv) const
    {
        char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
        char* const environment[] = {path, nullptr};
        return ::posix_spawn(&pid, program.c_str(), &actions_, &attributes_,
                             argv, environment);
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(std::vector<std::string>& words)
{
    std::vector<char*> out;
    for (std::string& word : words)
        out.push_back(word.data());
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> words_of(const Command& command, const HeldSet* set,
                                  bool beside)
{
    std::vector<std::string> words{command.program};
    words.insert(words.end(), command.arguments.begin(),
                 command.arguments.end());
    const auto flag = std::find(words.begin(), words.end(), "-d");
    if (set && words.end() - flag >= 2)
        flag[1] = set->path();
    if (beside)
        words.emplace_back("--beside");
    words.insert(words.end(), {"--control", std::to_string(control_there)});
    return words;
}

}  // namespace

std::string scanner_beside_us()
{
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "virus-scanner"
                 : (self.parent_path() / "virus-scanner").string();
}

policy::Result<std::unique_ptr<Process>> Process::start(const Command& command,
                                                        const SetPtr& set,
                                                        bool beside)
{
    auto ends = make_channel();
    if (!ends)
        return policy::fail(ends.error());
    // dup2 to the same number would leave close-on-exec set.
    if (ends->second.get() == control_there)
        ends->second.reset(
            ::fcntl(ends->second.get(), F_DUPFD_CLOEXEC, control_there + 1));
    auto words = words_of(command, set.get(), beside);
    pid_t pid = 0;
    const SpawnSettings settings{ends->second.get(), set.get(), command.silent};
    const int error =
        settings.spawn(pid, command.program, pointers(words).data());
    if (error != 0)
        return policy::fail(policy::Errc::io,
                            command.program + ": " + std::strerror(error));
    std::unique_ptr<Process> out{new Process{std::move(ends->first), pid}};
    out->set = set;
    return out;
}

Process::~Process()
{
    control_.reset();
    if (!ready)
        ::kill(pid_, SIGKILL);
    const std::lock_guard lock{ended_mutex};
    ended.push_back(pid_);
}

void Process::kill_worker(unsigned id) const
{
    // If the parent is gone, so are its workers.
    (void)send_packet(control_.get(), policy::scan::write_kill(id));
}

void reap_all()
{
    const std::lock_guard lock{ended_mutex};
    std::erase_if(ended, [](pid_t pid) {
        const pid_t got = ::waitpid(pid, nullptr, WNOHANG);
        return got == pid || (got < 0 && errno == ECHILD);
    });
}

}  // namespace milters::scanner
