// A text below a message that does not break it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policy::scan {

/// The body of the message with `text` below: added to the body of plain
/// text, or as a last part of multipart/mixed.  nullopt where neither can be
/// done, or where something signed or encrypted would be broken (multipart
/// and S/MIME types, PGP in text, DKIM-Signature).  Pure.
/// @param message  header and body with CRLF line ends
std::optional<std::string> body_with_disclaimer(std::string_view message,
                                                const std::string& text);

}  // namespace policy::scan
