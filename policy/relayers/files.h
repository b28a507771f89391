// File operations of the grants store, as an argument so that tests can make
// each of them fail.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/map/bdb.h"
#include "policy/map/file.h"
#include "policy/result.h"

namespace policy::relayers {

/// An open file; closed at the end of its life.  Move-only.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    Fd& operator=(Fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Every error names the file.  Safe to call from any thread.
class Files {
public:
    virtual ~Files() = default;

    virtual Result<Fd> open(const std::string& path, int flags, mode_t mode);
    virtual Result<struct stat> stat(const Fd& file, const std::string& path);
    /// Errc::gone if there is no such file.
    virtual Result<struct stat> stat(const std::string& path);

    /// One write(2) at the end of the file: all octets or, after what was
    /// written of them has been cut off again, an error.
    virtual Status append(const Fd& file, std::string_view octets,
                          const std::string& path);
    virtual Status sync(const Fd& file, const std::string& path);
    virtual Status sync_directory(const std::string& directory);

    /// Copies all of `from`, sharing blocks where the file system can.
    virtual Status copy(const Fd& from, const Fd& to, off_t size,
                        const std::string& path);
    /// Owner, group and mode of `like`.  An owner that we may not give is
    /// left; a group that may read and that we may not give is an error.
    virtual Status own(const Fd& file, const struct stat& like,
                       const std::string& path);
    virtual Status rename(const std::string& from, const std::string& to);
    /// As rename, but Errc::denied if `to` exists.
    virtual Status link(const std::string& from, const std::string& to);
    /// A file that is not there is fine.
    virtual Status remove(const std::string& path);

    /// flock(LOCK_EX), polling.  Errc::timeout after `wait`.
    virtual Status lock(const Fd& file, std::chrono::milliseconds wait,
                        const std::string& path);

    virtual Status apply(const std::string& path,
                         const std::vector<map::Change>& changes);
    virtual Status create(const std::string& path, std::size_t count,
                          const map::Entries& entries);
    /// The first `size` octets of an open file.
    virtual Result<std::string> contents(const Fd& file, off_t size,
                                         const std::string& path);
    virtual Result<map::Reading> read(const std::string& path,
                                      std::chrono::milliseconds wait);
};

}  // namespace policy::relayers
