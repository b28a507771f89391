// Writes Berkeley DB files and checks them: the one owner of libdb.  They are
// read by bdb_pages.h.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace policy::map {

/// A change of one entry.
struct Change {
    std::string key;
    std::optional<std::string> value;  ///< nullopt: the entry goes
};

/// Calls its argument for every entry that a new file shall have.
using Entries = std::function<void(
    const std::function<void(std::string_view, std::string_view)>&)>;

/// Applies the changes to an existing hash or btree file and syncs it to
/// disk.  Not atomic: apply it to a copy and rename that.  Keys get a
/// trailing NUL where the file has them (`makemap -N`).
/// @return Errc::format if libdb refuses the file, Errc::io if it cannot
///         write; the file is then to be thrown away
Status bdb_apply(const std::string& path, const std::vector<Change>& changes);

/// Writes a new hash file as `makemap hash` would.  `path` must not exist;
/// libdb uses `__db.NAME` in the same directory on the way.
/// @param count  about how many entries; for a cache that is large enough
Status bdb_create(const std::string& path, std::size_t count,
                  const Entries& entries);

/// db_verify(1): whether every page is as it should be.
/// @return Errc::format with libdb's first complaint
Status bdb_verify(const std::string& path);

}  // namespace policy::map
