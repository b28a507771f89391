// Reads the hash files of Berkeley DB 1.85, which makemap writes where
// sendmail is built with the libc of FreeBSD and its kin.  Read only: the
// library of that name is not to be had elsewhere.
//
// Layout: 4.4BSD libc, db/hash/page.h and hash.h.  A header of 32-bit numbers
// in big-endian order, then pages of which each is a bucket or an overflow
// page.  A page holds an index of 16-bit offsets from its start and the items
// from its end; a pair too large for a page goes through a chain of pages.
#pragma once

#include <string_view>

#include "policy/map/visit.h"
#include "policy/result.h"

namespace policy::map {

/// Whether the octets begin as a hash or btree file of Berkeley DB 1.85 (a
/// magic number at octet 0).
bool is_bdb185(std::string_view file);

/// Visits every entry of a hash file, keys as they are stored.
/// @return what is wrong with the file, without its name; a btree file is
///         refused.  The header counts the entries: a file that has lost some
///         is an error.
/// Pure; safe for any octets.
Status visit_bdb185(std::string_view file, const Visit& visit);

}  // namespace policy::map
