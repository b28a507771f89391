// One consistent reading of a map file that makemap, sendmail and vsmtprelay
// share.  What open_file() (map.h) and the grants store are made of.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "policy/map/map.h"

namespace policy::map {

/// What tells one state of a file from another: a rename shows in the inode,
/// a rewrite in place in times and size.
struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::chrono::nanoseconds modified{}, changed{};  ///< st_mtim, st_ctim

    friend bool operator==(const FileId&, const FileId&) = default;
};
FileId id_of(const struct stat& st);

/// A reading and the state of the file it is of.
struct Reading {
    FileId id;
    std::string octets;
};

/// Reads all of a file under flock(LOCK_SH), as sendmail does, making sure
/// that the file under the lock is still the one of that name.
/// @param wait  how long a writer that holds LOCK_EX is waited for
/// @return Errc::gone     there is no such file
///         Errc::timeout  locked by a writer all the time
///         Errc::io       not readable, or not a regular file
Result<Reading> read_locked(const std::string& path,
                            std::chrono::milliseconds wait);

/// The entries of a map file's octets, told apart by the magic number: hash
/// or btree of libdb, hash of DB 1.85 (FreeBSD's base system), or cdb, which
/// has none and goes by the file's name.  A trailing NUL (`makemap -N`) is
/// taken off.  Pure.
/// @param path  for the name's ending and for the error text
Result<std::shared_ptr<const Snapshot>> parse_file(std::string_view octets,
                                                   const std::string& path);

/// Whether bdb_apply() may be let at the file: a hash or btree of libdb with
/// every page as it should be.  Pure.
Status check_writable(std::string_view octets, const std::string& path);

}  // namespace policy::map
