#include "milters/milter/part.h"

#include <algorithm>
#include <string_view>

namespace milters::milter {

Prepared Prepared::failed(const policy::Error& error)
{
    Prepared out;
    std::string_view text = error.text;
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        out.problems.emplace_back(line);
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    if (out.problems.empty())
        out.problems.emplace_back("unknown error");
    return out;
}

}  // namespace milters::milter
