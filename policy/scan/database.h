// The files of a signature set, watched from outside: no libclamav here.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

#include "policy/result.h"

namespace policy::scan {

/// A set as it lies on disk.
struct DatabaseState {
    /// Differs if a file was added, taken away or changed.
    std::string fingerprint;
    std::int64_t newest = 0;  ///< mtime of the newest file, seconds since 1970
    std::uint64_t bytes = 0;  ///< size of all files
    unsigned files = 0;

    /// Counts one more file in.  @param path  its name counts, not its folder
    void note(const std::string& path, const struct stat& file);

    friend bool operator==(const DatabaseState&,
                           const DatabaseState&) = default;
};

/// Every file that libclamav would load from `path` (a folder or one file),
/// in order.  Errc::io if the folder cannot be read.
Result<std::vector<std::string>> database_files(const std::string& path);

/// Errc::format: a folder or a pipe under a name of signatures, which
/// libclamav would wait for without end.
tl::unexpected<Error> not_a_file(const std::string& path);

/// Looks at all these files.  Errc::io if one cannot be read; Errc::format if
/// one is not_a_file(); Errc::gone if there is none.
Result<DatabaseState> look_at_database(const std::string& path);

/// The day in UTC: "2026-11-21", or as strftime(3) has it with `form`.
std::string day_of(std::int64_t seconds, const char* form = "%Y-%m-%d");

/// Asks the kernel to hold the large private memory of this process, which is
/// mostly signatures, in huge pages: a scan jumps about in it, and half of its
/// time can go into page tables otherwise.  Does what the kernel allows.
void use_huge_pages();

/// Whether libclamav has loaded its part for RAR archives, which is not free
/// software and often not installed.  REQUIRES an Engine that was loaded.
bool unpacks_rar();

/// Bytes of memory that can be had without swapping (MemAvailable), or the
/// largest number where the system does not say.
std::uint64_t available_memory();

}  // namespace policy::scan
