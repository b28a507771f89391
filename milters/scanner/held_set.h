// The files of a set of signatures, held open: what a scanner loads is what
// was looked at, and can be loaded again after others have taken its place.
#pragma once

#include <string>
#include <vector>

#include "milters/scanner/channel.h"
#include "policy/scan/database.h"

namespace milters::scanner {

/// freshclam(1) replaces a file by renaming another over it; whoever has the
/// old one open still has it.  A folder of links /proc/self/fd/N makes these
/// files a database for a process that inherits them.
class HeldSet {
public:
    /// Opens all files of `database` (a folder or one file).
    /// @param base  where the folder of links is made:
    ///              base/postern-set.PID.N
    /// @return Errc::gone if there is no file; Errc::format if one is none;
    ///         Errc::io if one cannot be read, or the folder cannot be made
    static policy::Result<HeldSet> take(const std::string& database,
                                        const std::string& base);
    HeldSet(HeldSet&& other) noexcept;
    HeldSet& operator=(HeldSet&& other) = delete;
    ~HeldSet();

    /// A database, for a process that has files() under the same numbers.
    const std::string& path() const { return folder_; }
    const std::vector<Fd>& files() const { return files_; }
    const policy::scan::DatabaseState& state() const { return state_; }

    /// False if somebody wrote into the files in place.
    bool unchanged() const;

private:
    HeldSet() = default;
    policy::Status add(const std::string& file);

    std::string folder_;
    std::vector<std::string> names_;  ///< of files_
    std::vector<Fd> files_;
    policy::scan::DatabaseState state_;
};

}  // namespace milters::scanner
