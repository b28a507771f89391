// Reads the pages of a Berkeley DB file, hash or btree, from its octets in
// memory.  Maps are read here and not through libdb, which trusts what it
// reads (it loops or crashes on damaged pages), prints up to 100 lines on
// stderr about a foreign file, and takes 0.9 s for 1,000,000 entries.
// Layout: dbinc/db_page.h of libdb; the same from release 4.2 to 5.3.
#pragma once

#include <string_view>

#include "policy/map/visit.h"
#include "policy/result.h"

namespace policy::map {

/// How a page walk meets a damaged page.
enum class Damage {
    refuse,  ///< an error at the first thing that is not as it should be
    skip,    ///< takes what can be read, for repair
};

/// Whether the octets begin as a Berkeley DB hash or btree file of libdb 2
/// and later does (a magic number at octet 12, in either byte order).
bool is_bdb(std::string_view file);

/// Visits every entry of a hash or btree file, keys as they are stored, in
/// the order of the pages.  Of duplicate keys (`makemap -d`) the first.
/// @param file  all octets of the file
/// @return what is wrong with the file, without its name: truncated, page
///         links that lead outside or in a circle, items outside of their
///         page, an encrypted or too new file; and what a writer in place
///         leaves that was killed: octets behind the last page, a bucket that
///         was not written, pages that no link leads to, a key in a bucket
///         where libdb does not look for it, fewer entries than makemap put in
/// Pure; safe for any octets.
Status visit_bdb(std::string_view file, const Visit& visit,
                 Damage damage = Damage::refuse);

}  // namespace policy::map
