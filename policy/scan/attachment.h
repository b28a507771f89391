// What the header of a part of a mail says of it: its name and type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/scan/mime.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// The names that readers would save a part under: `filename` of each
/// Content-Disposition, then `name` of each Content-Type; pieces, per cent and
/// character set of RFC 2231 and encoded words of RFC 2047 are decoded.  Pure.
/// @param header  of the part, CRLF line ends
std::vector<std::string> file_names(std::string_view header);

/// The first of them; empty if there is none.
std::string file_name(std::string_view header);

/// `image/png`, in lower case; `text/plain` where nothing is said.  Pure.
std::string media_type(std::string_view header);

/// Every part of a message that is not multipart, also of messages in it, with
/// name, declared type and size, once for each name, and files in text; nullopt
/// if there are more than `most`, or if they cannot be told.  Pure.
/// @param message  header and body with CRLF line ends
std::optional<std::vector<Part>> named_parts(std::string_view message,
                                             std::size_t most = max_leaves);

/// The header as that of a file to be saved, whose name, with `suffix` at its
/// end, is written anew: letters, digits and `._-` stay, others become `_`.
/// Pure.
std::string with_renamed_files(std::string_view header,
                               const std::string& suffix);

}  // namespace policy::scan
