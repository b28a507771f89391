// How a Berkeley DB hash file spreads its keys over pages.  For the readers of
// this folder only.  Layout: dbinc/db_page.h of libdb (HMETA); linear hashing.
#pragma once

#include "policy/map/octets.h"

namespace policy::map {

/// How many entries makemap, newaliases and Postfix's postmap tell libdb to
/// expect.  The count of the meta page begins there.
inline constexpr std::uint32_t expected_entries = 4096;

/// The buckets of a file, as its meta page has them.  Throws Damaged.
class Buckets {
public:
    Buckets(const Octets& meta, std::uint32_t last_page);

    std::uint32_t last() const { return last_; }

    /// The first page of a bucket.
    std::uint32_t page_of(std::uint32_t bucket) const;

    /// Whether that page may be a hole: only a bucket that the file began with
    /// and that was never split has none until its first entry comes.
    bool may_be_unwritten(std::uint32_t bucket) const;

    /// Whether libdb looks for the key in this bucket; true if the file has a
    /// hash function that is not libdb's own.
    bool belongs(std::string_view key, std::uint32_t bucket) const;

    /// Whether more entries were put into the file than these.  Not told of a
    /// file whose writer expected less than expected_entries.
    bool has_lost_some(std::size_t entries) const;

private:
    std::uint32_t spare(std::uint32_t bucket) const;

    Octets meta_;
    std::uint32_t last_, high_mask_, low_mask_;
    bool own_hash_;
};

}  // namespace policy::map
