// A file that is read as a whole.
#pragma once

#include <string>

#include "policy/result.h"

namespace policy {

/// All of its bytes; of an empty file none.
/// @return Errc::gone where there is none, Errc::io where it cannot be read;
///         the text is `path: ` and what the system says
Result<std::string> text_of_file(const std::string& path);

}  // namespace policy
