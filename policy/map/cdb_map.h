// Reads cdb files (sendmail 8.17 and later: `makemap cdb`).  The format is
// D. J. Bernstein's: 256 pairs of position and length of hash tables, the
// records, the tables; all numbers 32-bit little-endian.
#pragma once

#include <string_view>

#include "policy/map/visit.h"
#include "policy/result.h"

namespace policy::map {

/// Visits every entry in the order in which they were added.
/// @return what is wrong with the file, without its name
/// Pure; safe for any octets.
Status visit_cdb(std::string_view file, const Visit& visit);

}  // namespace policy::map
