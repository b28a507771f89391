// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace policy {

/// Owns a descriptor or nothing (-1).  Move-only.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_{fd} {}
    Fd(Fd&& other) noexcept : fd_{other.release()} {}
    Fd& operator=(Fd&& other) noexcept
    {
        Fd old{std::exchange(fd_, other.release())};
        return *this;
    }
    ~Fd()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset() { *this = Fd{}; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

}  // namespace policy
