// The files of a signature set, watched from outside: no libclamav here.
#pragma once

#include <cstdint>
#include <string>

#include "policy/result.h"

namespace policy::scan {

/// A set as it lies on disk.
struct DatabaseState {
    /// Differs if a file was added, taken away or changed.
    std::string fingerprint;
    std::int64_t newest = 0;  ///< mtime of the newest file, seconds since 1970
    std::uint64_t bytes = 0;  ///< size of all files
    unsigned files = 0;

    friend bool operator==(const DatabaseState&,
                           const DatabaseState&) = default;
};

/// Looks at every file that libclamav would load from `path` (a folder or one
/// file).  Errc::io if it cannot be read; Errc::gone if there is none.
Result<DatabaseState> look_at_database(const std::string& path);

/// Asks the kernel to hold the large private memory of this process, which is
/// mostly signatures, in huge pages: a scan jumps about in it, and half of its
/// time can go into page tables otherwise.  Does what the kernel allows.
void use_huge_pages();

/// Bytes of memory that can be had without swapping (MemAvailable), or the
/// largest number where the system does not say.
std::uint64_t available_memory();

}  // namespace policy::scan
