// Where the text behind \/ ends at the latest, for every place at which it
// could begin: found in one pass from the end, so that a condition that counts
// many matches does not run to the end of the line for each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/recipe/pattern.h"

namespace policy::recipe {

/// For one pattern and one area.  Linear in both; four bytes of memory for
/// each byte of the area.
class RightSides {
public:
    /// Whether the pattern has one \/, that every match passes just once, and
    /// no ^^, and neither it nor the area is too large.
    static bool fit(const PatternProgram& program, std::string_view area);

    /// @param stop  asked now and then whether to give up; may be empty
    RightSides(const PatternProgram& program, std::string_view area,
               const std::function<bool()>& stop);

    /// The greatest end of a match whose \/ is at `position`, -1 and on;
    /// nullopt if there is none.
    std::optional<std::ptrdiff_t> longest(std::ptrdiff_t position) const;

private:
    std::vector<std::uint32_t> ends_;  ///< by position + 1; 0: no match
};

}  // namespace policy::recipe
