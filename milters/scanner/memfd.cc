#include "milters/scanner/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace milters::scanner {
namespace {

policy::Status failed(const char* what)
{
    const int error = errno;
    return policy::fail(policy::Errc::io,
                        std::string{what} + ": " + std::strerror(error));
}

}  // namespace

policy::Result<MemFile> MemFile::create()
{
    Fd fd{::memfd_create("message", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!fd)
        return policy::fail(failed("memfd_create").error());
    return MemFile{std::move(fd)};
}

policy::Status MemFile::append(std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed("message in memory");
        bytes.remove_prefix(static_cast<std::size_t>(n));
        size_ += static_cast<std::uint64_t>(n);
    }
    return {};
}

policy::Status MemFile::seal()
{
    constexpr int seals =
        F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (::fcntl(fd_.get(), F_ADD_SEALS, seals) != 0)
        return failed("F_ADD_SEALS");
    return {};
}

}  // namespace milters::scanner
