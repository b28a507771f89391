// Fields of the header of a mail or of a part of one, and their parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy::scan {

/// The fields, each with its folded lines and line end; the empty line at the
/// end is one.  Pure.
std::vector<std::string_view> fields(std::string_view header);

/// Whether a field has this name; blanks before the colon do not count, as for
/// many readers.  Pure.
/// @param name  in lower case
bool is_named(std::string_view field, std::string_view name);

/// The values of all fields of this name, unfolded.  Pure.
std::vector<std::string> header_values(std::string_view header,
                                       std::string_view name);

/// The first of them; empty if there is none.  Pure.
std::string header_value(std::string_view header, std::string_view name);

/// `multipart/mixed` of `Multipart/Mixed; boundary=x`; comments (RFC 5322,
/// 3.2.2) are left out.  Pure.
std::string first_word(std::string_view value);

/// A parameter of a value, its pieces put together and decoded (RFC 2231), as
/// are encoded words (RFC 2047), which readers take though none may be there;
/// empty if there is none.  Pure.
/// @param name  in lower case
std::string parameter(std::string_view value, const std::string& name);

/// Text without its comments.  Pure.
std::string without_comments(std::string_view value);

}  // namespace policy::scan
