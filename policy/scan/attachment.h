// What the header of a part of a mail says of it: its name and type.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/scan/mime.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// The name that a reader would save a part under: `filename` of
/// Content-Disposition, else `name` of Content-Type; pieces, per cent and
/// character set of RFC 2231 and encoded words of RFC 2047 are decoded.  Empty
/// if there is none.  Pure.
/// @param header  of the part, CRLF line ends
std::string file_name(std::string_view header);

/// `image/png`, in lower case; `text/plain` where nothing is said.  Pure.
std::string media_type(std::string_view header);

/// Every part of a message that is not multipart, also of messages in it, with
/// name, declared type and size; nullopt if there are more than `most`, or if
/// they cannot be told.  Pure.
/// @param message  header and body with CRLF line ends
std::optional<std::vector<Part>> named_parts(std::string_view message,
                                             std::size_t most = max_leaves);

/// The header with `suffix` at the end of its file names, all of which are
/// written anew: letters, digits and `._-` stay, others become `_`.  Pure.
std::string with_renamed_files(std::string_view header,
                               const std::string& suffix);

}  // namespace policy::scan
