#include "milters/virus/mailer.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milters/scanner/memfd.h"

namespace milters::virus {
namespace {

using policy::Errc;
using policy::fail;
using policy::Status;

/// Input from `message`, output to nowhere, signals as after a login.
class Settings {
public:
    explicit Settings(int message)
    {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawn_file_actions_adddup2(&actions_, message, 0);
        for (const int fd : {1, 2})
            ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null",
                                               O_WRONLY, 0);
        ::posix_spawnattr_init(&attributes_);
        sigset_t set;
        sigemptyset(&set);
        ::posix_spawnattr_setsigmask(&attributes_, &set);
        sigfillset(&set);
        ::posix_spawnattr_setsigdefault(&attributes_, &set);
        ::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    ~Settings()
    {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    int spawn(pid_t& pid, const char* program, char* const* argv) const
    {
        return ::posix_spawn(&pid, program, &actions_, &attributes_, argv,
                             environ);
    }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

}  // namespace

Status hand_over(const std::string& program, const std::string& sender,
                 const std::vector<std::string>& rcpts, int message)
{
    std::vector<std::string> words{program, "-i", "-f",
                                   sender.empty() ? "<>" : sender, "--"};
    words.insert(words.end(), rcpts.begin(), rcpts.end());
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    const int error =
        Settings{message}.spawn(pid, program.c_str(), argv.data());
    if (error != 0)
        return fail(Errc::io, program + ": " + std::strerror(error));
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return {};
    return fail(Errc::io,
                program + " has failed: " +
                    std::to_string(WIFEXITED(status) ? WEXITSTATUS(status)
                                                     : -WTERMSIG(status)));
}

Mailer::Mailer(std::function<void(const std::string&)> log)
    : log_{std::move(log)}, thread_{[this] { run(); }}
{
}

Mailer::~Mailer()
{
    {
        const std::lock_guard lock{mutex_};
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Mailer::send(Letter letter)
{
    {
        const std::lock_guard lock{mutex_};
        if (letters_.size() < max_waiting) {
            letters_.push_back(std::move(letter));
            changed_.notify_all();
            return;
        }
    }
    log_("too many notices wait for sendmail: one is dropped");
}

void Mailer::run()
{
    std::unique_lock lock{mutex_};
    for (;;) {
        changed_.wait(lock, [this] { return stop_ || !letters_.empty(); });
        if (stop_)
            return;
        const Letter letter = std::move(letters_.front());
        letters_.pop_front();
        lock.unlock();
        auto file = scanner::MemFile::create();
        Status done = file ? file->append(letter.text) : fail(file.error());
        if (done) {
            ::lseek(file->fd(), 0, SEEK_SET);
            done = hand_over(letter.program, "", letter.rcpts, file->fd());
        }
        if (!done)
            log_("a notice could not be sent: " + done.error().text);
        lock.lock();
    }
}

}  // namespace milters::virus
