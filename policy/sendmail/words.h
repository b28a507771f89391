// Pieces of the text of a sendmail.cf line.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace policy::sendmail {

inline constexpr const char* blanks = " \t\r";

/// Without blanks at both ends.  Pure.
std::string_view trimmed(std::string_view text);

/// Text parted at any of `separators`; no empty words, each trimmed.  Pure.
std::vector<std::string> split(std::string_view text,
                               std::string_view separators);

/// ASCII letters made small.  Pure.
std::string lower(std::string_view text);

/// `S=unix:/x, F=T` -> the letter of each field, made large, and its value:
/// sendmail looks at the first letter of a field's name only.  Pure.
std::vector<std::pair<char, std::string>> fields(std::string_view text);

/// What is before a macro or class name's end, and what is behind it:
/// `{MTAHost}value`, `jvalue`.  Pure.
std::pair<std::string_view, std::string_view> named(std::string_view text);

}  // namespace policy::sendmail
