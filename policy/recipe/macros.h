// ^TO_ ^TO ^FROM_DAEMON ^FROM_MAILER: names that stand for long patterns.
#pragma once

#include <cstddef>
#include <string>

namespace policy::recipe {

/// Replaces the names in `pattern` from `start` on; a backslash right before
/// one keeps it.  True if ^FROM_DAEMON was among them, for which case never
/// matters.  Source: procmailrc(5), "Miscellaneous", whose texts these are.
bool replace_macros(std::string& pattern, std::size_t start);

}  // namespace policy::recipe
