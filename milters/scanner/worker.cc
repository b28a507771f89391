#include "milters/scanner/worker.h"

#include <fcntl.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#include <chrono>

#include "milters/scanner/channel.h"
#include "policy/scan/wire.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::scan::Verdict;

/// SIGALRM's default action is the end of the process.
void arm(std::chrono::milliseconds deadline)
{
    itimerval timer{};
    timer.it_value.tv_sec = deadline.count() / 1000;
    timer.it_value.tv_usec = (deadline.count() % 1000) * 1000;
    ::setitimer(ITIMER_REAL, &timer, nullptr);
}

Verdict scan_one(const ScanFunction& scan, int fd, policy::scan::Want want)
try {
    return scan(fd, want);
} catch (const std::exception& e) {
    return Verdict::error(e.what());
}

/// Cuts a list that does not fit a packet; what is cut counts as a limit.
std::string answer(std::uint64_t id, Verdict verdict)
{
    std::string text = policy::scan::write(id, verdict);
    if (text.size() <= policy::scan::max_packet)
        return text;
    verdict.parts.clear();
    verdict.add(policy::scan::ScanStatus::limits,
                "Heuristics.Limits.Exceeded.Parts");
    return policy::scan::write(id, verdict);
}

}  // namespace

void keep_only(int keep)
{
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3 && null >= 0; ++fd)
        ::dup2(null, fd);
    if (keep > 3)
        ::close_range(3, static_cast<unsigned>(keep) - 1, 0);
    ::close_range(static_cast<unsigned>(keep) + 1, ~0U, 0);
}

int serve(int socket, const ScanFunction& scan)
{
    for (;;) {
        const auto packet = receive_packet(socket, -1ms);
        if (!packet)
            return packet.error().code == policy::Errc::gone ? EX_OK : EX_IOERR;
        const auto request = policy::scan::read_request(packet->text);
        if (!request || !packet->file)
            return EX_PROTOCOL;
        arm(request->deadline);
        Verdict verdict = scan_one(scan, packet->file.get(), request->want);
        arm(0ms);
        if (!send_packet(socket, answer(request->id, std::move(verdict))))
            return EX_IOERR;
    }
}

}  // namespace milters::scanner
