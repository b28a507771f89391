// Names of files in bytes that libclamav unpacks, or does not, without a word
// of how they are called.
#pragma once

#include <string_view>
#include <vector>

#include "policy/scan/verdict.h"

namespace policy::scan {

/// What is in a file of this type: the name in a gzip header (RFC 1952), those
/// of attachments in TNEF (MS-OXTNEF).  Sizes as the file tells them.  Pure.
/// @param type  the engine's word
std::vector<Part> names_in(std::string_view type, std::string_view bytes);

/// Files in lines of text: uuencoded ones and yEnc.  Pure.
std::vector<Part> names_in_lines(std::string_view message);

/// Whether the engine made the name up, for a file that has none.  Pure.
bool is_made_up(std::string_view name);

}  // namespace policy::scan
