// A message as its reader sees it: fields and text parts decoded to UTF-8,
// names and types of attachments.  The owner of GMime.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace policy::recipe {

/// Parts of one message that are looked at; what follows is not decoded.
inline constexpr std::size_t decoded_parts = 1000;
/// Messages inside messages that are looked into.
inline constexpr int decoded_depth = 20;
/// Lines of the header, of those of parts, and of boundaries; what follows is
/// not decoded.  Each costs GMime some hundred bytes of memory.
inline constexpr std::size_t decoded_header_lines = 50'000;
/// Bytes of decoded text; what follows is not decoded.
inline constexpr std::size_t decoded_bytes = std::size_t{64} << 20;

struct Decoded {
    std::string header;  ///< unfolded, RFC 2047 words as UTF-8
    std::string body;    ///< text parts, one behind the other, as UTF-8
    std::string names;   ///< of attachments, a line each (RFC 2231, RFC 2047)
    std::string types;   ///< of all parts but multiparts: type/subtype, a line
                         ///< each, in lower case
};

/// @param header  unfolded, as procmail searches it, with its empty line
/// @param mail    header and body as they came, without From_ line
/// Bytes that cannot be decoded stay as they are.  Any thread.
Decoded decode(std::string_view header, std::string_view mail);

}  // namespace policy::recipe
