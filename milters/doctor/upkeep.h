// What grows old, whichever the MTA is.
#pragma once

#include <string>

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"

namespace milters::doctor {

/// Whether the virus signatures are there and young: of the folder, or of
/// each clamd.
Findings signatures(const Site& site);

/// Whether a map, with or without .db, is the file that grants are written to.
bool is_grants(const Site& site, const std::string& path);

/// Whether anything takes old grants out of a hash file.
/// @param path  of the map, by which the MTA reads them
Findings endless_grants(const Site& site, const Place& place,
                        const std::string& path);

}  // namespace milters::doctor
