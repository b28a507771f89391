#include "milters/scanner/parent.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "milters/scanner/memfd.h"
#include "milters/scanner/samples.h"
#include "milters/scanner/worker.h"
#include "policy/scan/database.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::scan::ScannerEvent;
using Steady = std::chrono::steady_clock;

/// A worker that dies sooner than this has not even scanned: wait a while.
constexpr auto too_soon = 500ms;
constexpr auto sample_deadline = 60s;

std::uint64_t resident_memory()
{
    std::ifstream in{"/proc/self/statm"};
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    in >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string how_ended(int status)
{
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        const char* name = ::sigabbrev_np(number);
        return "SIG" + std::string{name ? name : std::to_string(number)};
    }
    return "exit " + std::to_string(WEXITSTATUS(status));
}

/// Standard streams to nowhere, everything else but `keep` closed.
void keep_only(int keep)
{
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; ++fd)
        ::dup2(null, fd);
    if (keep > 3)
        ::close_range(3, static_cast<unsigned>(keep) - 1, 0);
    ::close_range(static_cast<unsigned>(keep) + 1, ~0U, 0);
}

policy::Result<std::string> contents(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    if (!in || !(out << in.rdbuf()))
        return policy::fail(Errc::io, path + ": cannot be read");
    return out.str();
}

}  // namespace

void tune_malloc(unsigned threads)
{
    ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
    ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
    ::mallopt(M_TOP_PAD, 16 << 20);
    ::mallopt(M_ARENA_MAX, static_cast<int>(threads));
}

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

Status Parent::prepare()
{
    tune_malloc(1);
    sweep(options_.temp_base);
    own_mount_ = own_mounts();
    // Workers have no network even before their sandbox; root only.
    if (own_mount_)
        ::unshare(CLONE_NEWNET | CLONE_NEWIPC);
    auto engine = policy::scan::Engine::load(options_.engine);
    if (!engine)
        return policy::fail(engine.error());
    engine_ = std::move(*engine);
    policy::scan::use_huge_pages();
    return test_set();
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
    auto dir = TempDir::create(options_.temp_base, id, options_.user,
                               own_mount_, options_.temp_size);
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

// --- the self-test ---

Status Parent::scan_sample(int socket, const std::string& name,
                           const std::string& bytes, bool infected)
{
    auto file = MemFile::create();
    if (!file)
        return policy::fail(file.error());
    if (auto s = file->append(bytes); !s)
        return s;
    if (auto s = file->seal(); !s)
        return s;
    const policy::scan::ScanRequest request{1, sample_deadline, {}};
    if (auto s = send_packet(socket, write(request), file->fd()); !s)
        return policy::fail(Errc::format, "self-test: worker has ended");
    const auto packet = receive_packet(socket, sample_deadline + 1s);
    if (!packet)
        return policy::fail(Errc::format,
                            "self-test: worker has ended over " + name);
    const auto verdict = policy::scan::read_answer(packet->text, 1);
    if (!verdict)
        return policy::fail(verdict.error());
    const auto want = infected ? policy::scan::ScanStatus::infected
                               : policy::scan::ScanStatus::clean;
    if (verdict->status() == want)
        return {};
    return policy::fail(Errc::format, "self-test: " + name + " is called " +
                                          name_of(verdict->status()) + " " +
                                          verdict->signature() +
                                          verdict->detail);
}

Status Parent::test_set()
{
    const auto socket = start_worker(0);
    if (!socket)
        return policy::fail(socket.error());
    for (const Sample& sample : samples(options_.expect_eicar))
        if (auto s = scan_sample(socket->get(), sample.name, sample.bytes,
                                 sample.infected);
            !s)
            return s;
    for (const std::string& path : options_.known_clean) {
        const auto bytes = contents(path);
        if (!bytes)
            return policy::fail(bytes.error());
        if (auto s = scan_sample(socket->get(), path, *bytes, false); !s)
            return s;
    }
    ::kill(workers_[0].pid, SIGKILL);
    ::waitpid(workers_[0].pid, nullptr, 0);
    workers_.erase(0);
    return {};
}

// --- the workers ---

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
            event.text = how_ended(status);
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

/// The client closes the workers' sockets as they become idle; they leave by
/// themselves, or by their own deadline.
int Parent::wait_for_workers()
{
    for (auto& [id, worker] : workers_)
        ::waitpid(worker.pid, nullptr, 0);
    workers_.clear();
    return EX_OK;
}

int Parent::run()
{
    ScannerEvent ready;
    ready.kind = ScannerEvent::Kind::ready;
    ready.engine = engine_->info();
    ready.memory = resident_memory();
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
        const bool short_of = workers_.size() < options_.workers;
        if (::poll(fds, 2, short_of ? 100 : -1) < 0 && errno != EINTR)
            return EX_OSERR;
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
