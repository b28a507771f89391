// makemap(8) source text: what an administrator writes, line by line.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/table.h"

namespace policy::map {

/// One line of source text that makemap takes as an entry, or refuses.
struct TextLine {
    std::size_t number;      ///< from 1
    std::string_view key;    ///< as written, up to the first white space
    std::string_view value;  ///< from the next character, trailing blanks kept
    const char* problem;     ///< why makemap refuses it; null if it does not
};

/// Calls `visit` for every line but empty ones and `#` comments (column 0
/// only), as makemap reads them: a NUL ends a line, and what is beyond
/// text_line_max bytes is read as a further line.  Source: makemap(8).
void for_each_line(std::string_view text,
                   const std::function<void(const TextLine&)>& visit);

/// Bytes of a line that makemap accepts, without the newline.
inline constexpr std::size_t text_line_max = 1022;

/// A map built from source text although lines of it are bad.
struct TextMap {
    std::shared_ptr<const Table> table;
    /// "name:line: what", as makemap complains: bad lines and duplicate keys.
    std::vector<std::string> complaints;
};

/// As `makemap hash` does, which writes the map all the same and exits 65:
/// keys are folded to lower case (ASCII), of two equal keys the first stays.
TextMap read_text(std::string_view text, const std::string& name);

/// ASCII letters to lower case; other bytes stay.
std::string folded(std::string_view text);

}  // namespace policy::map
