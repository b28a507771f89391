// The users and groups that a configuration names.
#pragma once

#include <string>
#include <vector>

#include "milters/milter/options.h"
#include "policy/config/config.h"

namespace milters::milter {

/// A problem for each user or group of `user` or of a section that this host
/// does not have, with file:line.  Of `user` only if `options` has no other.
/// From any thread.
/// @param sections  "relay", "virus", ...
policy::config::Problems unknown_names(
    const policy::config::Config& config, const Options& options,
    const std::vector<std::string>& sections);

}  // namespace milters::milter
