// Folders for unpacking, one a worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "milters/scanner/sandbox.h"
#include "policy/result.h"

namespace milters::scanner {

/// Removes what programs that ended badly left in `base`: folders
/// `postern-scan.PID.N` and `postern-set.PID.N` of processes that are gone.
void sweep(const std::string& base);

/// A folder `base/postern-scan.PID.N` that only the worker may enter.  Where
/// `own_mount` a tmpfs of `size` bytes lies on it, which ends with the mount
/// namespace of the scanner.
class TempDir {
public:
    static policy::Result<TempDir> create(const std::string& base,
                                          unsigned number,
                                          const std::optional<UserId>& user,
                                          bool own_mount, std::uint64_t size);
    TempDir(TempDir&& other) noexcept;
    TempDir& operator=(TempDir&& other) noexcept;
    ~TempDir() { remove(); }

    const std::string& path() const { return path_; }
    /// Bytes on disk of all files below, as far as they can be seen.
    std::uint64_t used() const;

private:
    TempDir() = default;
    void remove();

    std::string path_;
    bool mounted_ = false;
};

}  // namespace milters::scanner
