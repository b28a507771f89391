#include "policy/relayers/files.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <thread>

namespace policy::relayers {
namespace {

using namespace std::chrono_literals;

tl::unexpected<Error> failed(const std::string& path, int error)
{
    return fail(error == ENOENT ? Errc::gone : Errc::io,
                path + ": " + std::generic_category().message(error));
}

Status outcome(int rc, const std::string& path)
{
    if (rc == 0)
        return {};
    const int e = errno;
    return failed(path, e);
}

/// Where the kernel cannot copy between two files.
Status copy_by_hand(const Fd& from, const Fd& to, off_t size,
                    const std::string& path)
{
    std::string block(1U << 20, '\0');
    for (off_t done = 0; done < size;) {
        const ssize_t n = ::pread(from.get(), block.data(), block.size(), done);
        if (n <= 0)
            return failed(path, n == 0 ? EIO : errno);
        for (ssize_t put = 0; put < n;) {
            const ssize_t m =
                ::pwrite(to.get(), block.data() + put,
                         static_cast<std::size_t>(n - put), done + put);
            if (m < 0)
                return failed(path, errno);
            put += m;
        }
        done += n;
    }
    return {};
}

}  // namespace

Result<Fd> Files::open(const std::string& path, int flags, mode_t mode)
{
    Fd file{::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK, mode)};
    if (!file) {
        const int e = errno;
        return failed(path, e);
    }
    return file;
}

Result<struct stat> Files::stat(const Fd& file, const std::string& path)
{
    struct stat st {};
    if (auto done = outcome(::fstat(file.get(), &st), path); !done)
        return fail(done.error());
    return st;
}

Result<struct stat> Files::stat(const std::string& path)
{
    struct stat st {};
    if (auto done = outcome(::stat(path.c_str(), &st), path); !done)
        return fail(done.error());
    return st;
}

Status Files::append(const Fd& file, std::string_view octets,
                     const std::string& path)
{
    ssize_t n = 0;
    do
        n = ::write(file.get(), octets.data(), octets.size());
    while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(octets.size()))
        return {};
    const int e = n < 0 ? errno : ENOSPC;
    struct stat st {};
    if (n > 0 && ::fstat(file.get(), &st) == 0 &&
        ::ftruncate(file.get(), st.st_size - n) != 0)
        return failed(path, errno);
    return failed(path, e);
}

Status Files::sync(const Fd& file, const std::string& path)
{
    return outcome(::fdatasync(file.get()), path);
}

Status Files::sync_directory(const std::string& directory)
{
    const auto opened = open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (!opened)
        return fail(opened.error());
    return outcome(::fsync(opened->get()), directory);
}

Status Files::copy(const Fd& from, const Fd& to, off_t size,
                   const std::string& path)
{
    off_t in = 0;
    off_t out = 0;
    while (in < size) {
        const ssize_t n =
            ::copy_file_range(from.get(), &in, to.get(), &out,
                              static_cast<std::size_t>(size - in), 0);
        if (n > 0)
            continue;
        const int e = n == 0 ? EIO : errno;
        if (e == EXDEV || e == EINVAL || e == ENOSYS || e == EOPNOTSUPP)
            return copy_by_hand(from, to, size, path);
        return failed(path, e);
    }
    return {};
}

Status Files::own(const Fd& file, const struct stat& like,
                  const std::string& path)
{
    if (::fchown(file.get(), like.st_uid, like.st_gid) != 0 &&
        ::fchown(file.get(), static_cast<uid_t>(-1), like.st_gid) != 0 &&
        (like.st_mode & S_IRGRP) != 0) {
        const int e = errno;
        return failed(path + ": group " + std::to_string(like.st_gid), e);
    }
    return outcome(::fchmod(file.get(), like.st_mode & 07777), path);
}

Status Files::rename(const std::string& from, const std::string& to)
{
    return outcome(::rename(from.c_str(), to.c_str()), to);
}

Status Files::link(const std::string& from, const std::string& to)
{
    if (::link(from.c_str(), to.c_str()) != 0) {
        const int e = errno;
        if (e == EEXIST)
            return fail(Errc::denied, to + ": exists");
        return failed(to, e);
    }
    return {};
}

Status Files::remove(const std::string& path)
{
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return failed(path, errno);
    return {};
}

Status Files::lock(const Fd& file, std::chrono::milliseconds wait,
                   const std::string& path)
{
    const auto end = std::chrono::steady_clock::now() + wait;
    auto pause = std::chrono::microseconds{200};
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        const int e = errno;
        if (e != EWOULDBLOCK && e != EINTR)
            return failed(path, e);
        if (std::chrono::steady_clock::now() >= end)
            return fail(Errc::timeout, path + ": locked by another program");
        std::this_thread::sleep_for(pause);
        pause = std::min<std::chrono::microseconds>(pause * 2, 5ms);
    }
    return {};
}

Status Files::apply(const std::string& path,
                    const std::vector<map::Change>& changes)
{
    return map::bdb_apply(path, changes);
}

Status Files::create(const std::string& path, std::size_t count,
                     const map::Entries& entries)
{
    return map::bdb_create(path, count, entries);
}

Result<std::string> Files::contents(const Fd& file, off_t size,
                                    const std::string& path)
{
    std::string octets(static_cast<std::size_t>(size), '\0');
    for (std::size_t have = 0; have < octets.size();) {
        const ssize_t n =
            ::pread(file.get(), octets.data() + have, octets.size() - have,
                    static_cast<off_t>(have));
        if (n <= 0)
            return failed(path, n == 0 ? EIO : errno);
        have += static_cast<std::size_t>(n);
    }
    return octets;
}

Result<map::Reading> Files::read(const std::string& path,
                                 std::chrono::milliseconds wait)
{
    return map::read_locked(path, wait);
}

}  // namespace policy::relayers
