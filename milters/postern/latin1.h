// Bytes in JSON: a byte is the code point of the same number, as the cases of
// `postern explain --batch` have it, so that no byte is lost.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace milters::postern {

/// UTF-8 to bytes; a code point above 255 becomes `?`.
std::string to_bytes(std::string_view utf8);

/// Bytes to UTF-8.
std::string to_utf8(std::string_view bytes);

/// A string member in bytes; `fallback` if there is none or it is null.
/// Throws nlohmann::json::exception if it is no string.
std::string bytes_at(const nlohmann::json& object, const char* member,
                     std::string_view fallback = {});

}  // namespace milters::postern
