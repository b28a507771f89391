#include "policy/scan/mime.h"

#include <algorithm>
#include <optional>

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lowered(std::string_view text)
{
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

/// Where the header that begins at `at` ends, empty line included.
std::optional<std::size_t> end_of_header(std::string_view text, std::size_t at,
                                         std::size_t end)
{
    if (text.substr(at, 2) == "\r\n")
        return at + 2;
    const auto found = text.find("\r\n\r\n", at);
    if (found == npos || found + 4 > end)
        return std::nullopt;
    return found + 4;
}

/// A delimiter line: where it begins, and where the line after it does.
struct Delimiter {
    std::size_t begin;
    std::size_t next;
    bool last;
};

std::optional<Delimiter> next_delimiter(std::string_view text, std::size_t at,
                                        std::size_t end,
                                        const std::string& boundary)
{
    const std::string mark = "--" + boundary;
    for (auto found = text.find(mark, at); found < end;
         found = text.find(mark, found + 1)) {
        if (found > 0 && text[found - 1] != '\n')
            continue;
        const auto line = std::min(text.find("\r\n", found), end);
        auto rest = text.substr(found + mark.size(),
                                line - std::min(line, found + mark.size()));
        const bool last = rest.starts_with("--");
        if (last)
            rest.remove_prefix(2);
        if (rest.find_first_not_of(" \t") == npos)
            return Delimiter{found, std::min(line + 2, end), last};
    }
    return std::nullopt;
}

/// Walks the tree; false where it is more than is looked at.
class Walk {
public:
    explicit Walk(std::string_view text) : text_{text} {}

    bool part(std::size_t begin, std::size_t end, unsigned depth)
    {
        const auto body = end_of_header(text_, begin, end);
        if (!body || depth > max_depth || leaves.size() >= max_leaves)
            return false;
        const auto boundary = boundary_of(text_.substr(begin, *body - begin));
        if (!boundary.empty())
            return parts(*body, end, boundary, depth);
        // An empty part's one empty line may be the next delimiter's, too.
        leaves.push_back({begin, std::min(*body, end), end});
        return true;
    }

    std::vector<Leaf> leaves;

private:
    bool parts(std::size_t at, std::size_t end, const std::string& boundary,
               unsigned depth)
    {
        auto open = next_delimiter(text_, at, end, boundary);
        while (open && !open->last) {
            const auto close = next_delimiter(text_, open->next, end, boundary);
            const auto stop = close ? close->begin : end;
            // The line end before a delimiter is the delimiter's.
            const auto limit = stop >= open->next + 2 ? stop - 2 : stop;
            if (!part(open->next, close ? limit : stop, depth + 1))
                return false;
            open = close;
        }
        return true;
    }

    std::string_view text_;
};

}  // namespace

std::string header_value(std::string_view header, std::string_view name)
{
    const std::string folded = "\r\n" + lowered(header);
    const auto found = folded.find("\r\n" + std::string{name} + ":");
    if (found == std::string::npos)
        return {};
    std::string out;
    for (auto i = found + name.size() + 1; i < header.size(); ++i) {
        if (header.substr(i, 2) == "\r\n") {
            const char next = i + 2 < header.size() ? header[i + 2] : 'x';
            if (next != ' ' && next != '\t')
                break;
            ++i;
            continue;
        }
        out += header[i];
    }
    return out;
}

std::string boundary_of(std::string_view header)
{
    const std::string type = header_value(header, "content-type");
    const std::string low = lowered(type);
    const auto start = low.find_first_not_of(" \t");
    if (start == npos || low.compare(start, 10, "multipart/") != 0)
        return {};
    const auto found = low.find("boundary=");
    if (found == npos)
        return {};
    const std::string value = type.substr(found + 9);
    if (value.starts_with('"'))
        return value.substr(1, value.find('"', 1) - 1);
    return value.substr(0, value.find_first_of("; \t"));
}

std::vector<Leaf> leaves_of(std::string_view message)
{
    const auto body = end_of_header(message, 0, message.size());
    if (!body || boundary_of(message.substr(0, *body)).empty())
        return {};
    Walk walk{message};
    if (!walk.part(0, message.size(), 0))
        return {};
    return std::move(walk.leaves);
}

std::string replace_leaves(std::string_view message,
                           const std::vector<Leaf>& leaves,
                           std::string_view part)
{
    std::string out;
    std::size_t at = 0;
    for (const Leaf& leaf : leaves) {
        out.append(message.substr(at, leaf.begin - at)).append(part);
        at = leaf.end;
    }
    return out.append(message.substr(at));
}

}  // namespace policy::scan
