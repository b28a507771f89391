// Names for connections, since the MTA's queue id comes late or never.
#pragma once

#include <string>

namespace milters::milter {

/// A new name, different from all others of this host for years: seconds,
/// process and a counter, in letters and digits.  Any thread.
std::string own_id();

}  // namespace milters::milter
