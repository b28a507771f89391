// postern filter --compat: how much of a rc file works at SMTP time.
#pragma once

#include <string>
#include <vector>

namespace milters::postern {

/// Prints a line for each recipe of the files (folders: of the files in
/// them): exact, approximated, only at delivery, or refused, and why.
/// @return 0, 1 if something is refused, 66 if nothing could be read
/// @param programs  absolute paths that recipes may start
int compat(const std::vector<std::string>& paths, bool as_json,
           const std::vector<std::string>& programs);

}  // namespace milters::postern
