#include "milters/scanner/worker.h"

#include <fcntl.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
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

bool answer(int socket, std::uint64_t id, const Verdict& verdict)
{
    const auto packets = policy::scan::write(id, verdict);
    return std::all_of(packets.begin(), packets.end(),
                       [&](const std::string& packet) {
                           return send_packet(socket, packet).has_value();
                       });
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
        const Verdict verdict =
            scan_one(scan, packet->file.get(), request->want);
        arm(0ms);
        if (!answer(socket, request->id, verdict))
            return EX_IOERR;
    }
}

}  // namespace milters::scanner
