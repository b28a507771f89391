// A message in memory, as an open file that nobody can change any more.
#pragma once

#include <cstdint>
#include <string_view>

#include "milters/scanner/channel.h"
#include "policy/result.h"

namespace milters::scanner {

/// Collects bytes, then is sealed (memfd_create(2), F_ADD_SEALS): a worker
/// that has the file can neither write, shrink nor grow it.
class MemFile {
public:
    static policy::Result<MemFile> create();

    policy::Status append(std::string_view bytes);
    policy::Status seal();

    std::uint64_t size() const { return size_; }
    int fd() const { return fd_.get(); }

private:
    explicit MemFile(Fd fd) : fd_{std::move(fd)} {}

    Fd fd_;
    std::uint64_t size_ = 0;
};

}  // namespace milters::scanner
