#include "milters/filter/launcher.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "milters/filter/program_request.h"
#include "milters/filter/program_starter.h"
#include "milters/scanner/memfd.h"
#include "policy/fd.h"
#include "policy/recipe/limits.h"

namespace milters::filter {
namespace {

using policy::Errc;
using policy::fail;
using policy::Fd;
using policy::recipe::ProgramResult;
namespace limits = policy::recipe::limits;

/// The message as a file that nobody can change, or nothing.
Fd input_file(std::string_view input)
{
    auto file = scanner::MemFile::create();
    if (!file || !file->append(input) || !file->seal() ||
        ::lseek(file->fd(), 0, SEEK_SET) != 0)
        return {};
    return Fd{::fcntl(file->fd(), F_DUPFD_CLOEXEC, 0)};
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
        start_programs(pair[1], ::geteuid() == 0 ? account : std::nullopt);
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
    const Fd in = input_file(input);
    const bool ready = request.size() <= most_request_bytes && in &&
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
