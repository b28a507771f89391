// The outline of a MIME message: where its parts begin and end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy::scan {

/// A part that has no parts of its own, by offsets into the message: the
/// header with its empty line is [begin, body), the body [body, end); the
/// CRLF before the delimiter belongs to neither (RFC 2046 5.1.1).
struct Leaf {
    std::size_t begin;
    std::size_t body;
    std::size_t end;
    friend bool operator==(const Leaf&, const Leaf&) = default;
};

/// What is looked at; a message with more has no outline.
inline constexpr std::size_t max_leaves = 200;
inline constexpr unsigned max_depth = 20;

/// The leaves of a multipart message in order; empty if it is not multipart,
/// has no end of headers, or is deeper or wider than is looked at.  Takes time
/// in proportion to the length.  Pure.
/// @param message  header and body with CRLF line ends
std::vector<Leaf> leaves_of(std::string_view message);

/// The same of any message, with attached messages (RFC 2046, 5.2.1) and what
/// is in them; nullopt if there are more than `most`.  Pure.
std::optional<std::vector<Leaf>> parts_of(std::string_view message,
                                          std::size_t most);

/// The header with its empty line; all, if it has no end.  Pure.
std::string_view header_of(std::string_view message);

/// The boundary of a multipart header, empty if there is none.  Pure.
std::string boundary_of(std::string_view header);

/// The message with each of `leaves` replaced by `part`, which has a header
/// of its own.  REQUIRES leaves of this message, in order.
std::string replace_leaves(std::string_view message,
                           const std::vector<Leaf>& leaves,
                           std::string_view part);

}  // namespace policy::scan
