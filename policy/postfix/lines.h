// The lines of Postfix's files.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/result.h"

namespace policy::postfix {

/// A line and those that continue it, which begin with a blank.
struct LogicalLine {
    int number = 0;  ///< of the first, from 1
    std::string text;
};

/// Without remarks and empty lines.  Pure.
std::vector<LogicalLine> logical_lines(std::string_view text);

/// `name = value` -> both, without the blanks.  Pure.
std::pair<std::string, std::string> parted(std::string_view text);

/// Where the bracket that `text` begins with is closed; npos: nowhere.  Pure.
std::size_t closing(std::string_view text);

}  // namespace policy::postfix
