#include "policy/postfix/lines.h"

#include <algorithm>

#include "policy/sendmail/words.h"

namespace policy::postfix {

std::vector<LogicalLine> logical_lines(std::string_view text)
{
    std::vector<LogicalLine> all;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto plain = sendmail::trimmed(line);
        if (plain.empty() || plain.front() == '#')
            continue;
        const bool goes_on = line.front() == ' ' || line.front() == '\t';
        if (goes_on && !all.empty())
            all.back().text.append(" ").append(plain);
        else
            all.push_back({number, std::string{plain}});
    }
    return all;
}

std::pair<std::string, std::string> parted(std::string_view text)
{
    const auto equals = std::min(text.find('='), text.size());
    return {std::string{sendmail::trimmed(text.substr(0, equals))},
            std::string{sendmail::trimmed(
                text.substr(std::min(equals + 1, text.size())))}};
}

std::size_t closing(std::string_view text)
{
    const char open = text.front(), close = open == '{' ? '}' : ')';
    int depth = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        depth += text[i] == open ? 1 : text[i] == close ? -1 : 0;
        if (depth == 0)
            return i;
    }
    return text.npos;
}

}  // namespace policy::postfix
