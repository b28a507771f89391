#include "milters/scanner/parent.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milters/scanner/memory.h"
#include "milters/scanner/worker.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::scan::ScannerEvent;
using Steady = std::chrono::steady_clock;

/// A worker that dies sooner than this has not even scanned: wait a while.
constexpr auto too_soon = 500ms;
/// How often folders without a tmpfs are measured.
constexpr auto measure_interval = 200ms;

std::string how_ended(int status)
{
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        const char* name = ::sigabbrev_np(number);
        return "SIG" + std::string{name ? name : std::to_string(number)};
    }
    return "exit " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Parent::~Parent()
{
    for (auto& [id, worker] : workers_)
        ::kill(worker.pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0)
        continue;
}

void Parent::tell(ScannerEvent event) const
{
    // A client that is gone is noticed at the next poll.
    if (control_ >= 0)
        (void)send_packet(control_, policy::scan::write(event));
}

policy::Result<TempDir> Parent::make_folder(unsigned id)
{
    return TempDir::create(options_.temp_base, id, options_.user, own_mount_,
                           options_.temp_size);
}

void Parent::be_worker(const Fd& socket, const TempDir& dir)
{
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGXFSZ, SIG_IGN);  // the write fails and libclamav says so
    keep_only(socket.get());
    const Sandbox sandbox{options_.user, dir.path(), options_.memory,
                          options_.temp_size};
    if (!engine_->use_temp_dir(dir.path()) || !enter(sandbox))
        ::_exit(EX_OSERR);
    ::_exit(serve(socket.get(), [this](int fd, policy::scan::Want want) {
        return engine_->scan(fd, want);
    }));
}

policy::Result<Fd> Parent::start_worker(unsigned id)
{
    auto dir = make_folder(id);
    if (!dir)
        return policy::fail(dir.error());
    auto ends = make_channel();
    if (!ends)
        return policy::fail(ends.error());
    const pid_t pid = ::fork();
    if (pid < 0)
        return policy::fail(Errc::io,
                            std::string{"fork: "} + std::strerror(errno));
    if (pid == 0)
        be_worker(ends->second, *dir);
    workers_[id] = {pid, std::move(*dir), Steady::now()};
    return std::move(ends->first);
}

Status Parent::hand_over(unsigned id)
{
    const auto socket = start_worker(id);
    if (!socket)
        return policy::fail(socket.error());
    ScannerEvent event;
    event.kind = ScannerEvent::Kind::worker;
    event.id = id;
    event.pid = workers_[id].pid;
    return send_packet(control_, policy::scan::write(event), socket->get());
}

Status Parent::refill()
{
    if (Steady::now() < not_before_)
        return {};
    while (workers_.size() < options_.workers)
        if (auto s = hand_over(next_id_++); !s)
            return s;
    return {};
}

void Parent::reap()
{
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
        for (auto it = workers_.begin(); it != workers_.end(); ++it) {
            if (it->second.pid != pid)
                continue;
            if (Steady::now() - it->second.born < too_soon)
                not_before_ = Steady::now() + too_soon;
            ScannerEvent event;
            event.kind = ScannerEvent::Kind::gone;
            event.id = it->first;
            event.pid = pid;
            event.text = it->second.killed_for.empty() ? how_ended(status)
                                                       : it->second.killed_for;
            workers_.erase(it);
            tell(std::move(event));
            break;
        }
}

/// Reads one word of the client; false if it has closed.
bool Parent::obey()
{
    const auto packet = receive_packet(control_, 0ms);
    if (!packet)
        return packet.error().code == Errc::timeout;
    const auto id = policy::scan::read_kill(packet->text);
    if (id && *id == policy::scan::retire)
        options_.workers = 0;
    else if (id && workers_.contains(*id))
        ::kill(workers_[*id].pid, SIGKILL);
    return true;
}

/// Where no tmpfs bounds it: whoever has unpacked too much ends.
void Parent::measure()
{
    for (auto& [id, worker] : workers_)
        if (worker.killed_for.empty() &&
            worker.dir->used() > options_.temp_size) {
            worker.killed_for = "it has unpacked more than virus.temp_size";
            ::kill(worker.pid, SIGKILL);
        }
}

/// The client closes the workers' sockets as they become idle; they leave by
/// themselves, or by their own deadline.
int Parent::wait_for_workers()
{
    for (auto& [id, worker] : workers_)
        ::waitpid(worker.pid, nullptr, 0);
    workers_.clear();
    return EX_OK;
}

/// How long to wait for something to happen, in milliseconds.
int Parent::patience() const
{
    if (workers_.size() < options_.workers)
        return 100;
    return own_mount_ ? -1 : static_cast<int>(measure_interval.count());
}

int Parent::run()
{
    ScannerEvent ready;
    ready.kind = ScannerEvent::Kind::ready;
    ready.engine = engine_->info();
    ready.memory = resident_memory();
    ready.text = shortcomings();
    tell(std::move(ready));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    const Fd signal_fd{::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK)};
    for (;;) {
        if (auto s = refill(); !s) {
            if (s.error().code == Errc::gone)
                return wait_for_workers();
            ScannerEvent event;
            event.text = s.error().text;
            tell(std::move(event));
            return EX_OSERR;
        }
        pollfd fds[] = {{control_, POLLIN, 0}, {signal_fd.get(), POLLIN, 0}};
        if (::poll(fds, 2, patience()) < 0 && errno != EINTR)
            return EX_OSERR;
        if (!own_mount_)
            measure();
        signalfd_siginfo info{};
        while (::read(signal_fd.get(), &info, sizeof info) == sizeof info)
            if (info.ssi_signo == SIGTERM)
                return EX_OK;
        reap();
        if (fds[0].revents && !obey())
            return wait_for_workers();
    }
}

}  // namespace milters::scanner
