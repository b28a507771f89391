#include "milters/milter/reply.h"

#include <algorithm>
#include <cctype>

namespace milters::milter {
namespace {

/// RFC 3463: class 2, 4 or 5, then two numbers of one to three digits.
bool is_enhanced(const std::string& text)
{
    const auto number = [&](std::size_t& at) {
        const auto from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9')
            ++at;
        return at > from && at - from <= 3;
    };
    std::size_t at = 2;
    return text.size() >= 5 && std::string("245").find(text[0]) != text.npos &&
           text[1] == '.' && number(at) && at < text.size() &&
           text[at++] == '.' && number(at) && at == text.size();
}

/// Lines of the text, without control bytes.
std::vector<std::string> clean_lines(const std::string& text)
{
    std::vector<std::string> lines{""};
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            continue;
        if (c == '\r' || c == '\n')
            lines.emplace_back();
        else if (c == '%')
            lines.back() += "%%";
        else
            lines.back() += c < ' ' || c == 0x7f ? ' ' : text[i];
    }
    while (lines.size() > 1 && lines.back().empty())
        lines.pop_back();
    return lines;
}

/// Where to break a line that is too long: at the last blank that fits, else
/// where it is full; never between the two halves of a doubled percent sign.
std::size_t fold_point(const std::string& line)
{
    const auto blank = line.rfind(' ', max_reply_line);
    if (blank != std::string::npos && blank > 0)
        return blank;
    const auto run = max_reply_line - 1 -
                     std::min(line.find_last_not_of('%', max_reply_line - 1),
                              max_reply_line - 1);
    return max_reply_line - run % 2;
}

std::vector<std::string> folded(const std::vector<std::string>& lines)
{
    std::vector<std::string> out;
    for (std::string line : lines) {
        while (line.size() > max_reply_line) {
            const auto at = fold_point(line);
            out.push_back(line.substr(0, at));
            line.erase(0, line[at] == ' ' ? at + 1 : at);
        }
        out.push_back(line);
    }
    out.resize(std::min(out.size(), max_reply_lines));
    return out;
}

}  // namespace

std::string wire_header(std::string_view value)
{
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r'))
        value.remove_suffix(1);
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\r')
            continue;
        out += value[i];
        if (value[i] == '\n' && value[i + 1] != ' ' && value[i + 1] != '\t')
            out += '\t';
    }
    return out;
}

WireReply wire_reply(const policy::Reply& reply)
{
    if (reply.code < 400 || reply.code > 599)
        return wire_reply(policy::temporary_failure());
    return {std::to_string(reply.code),
            is_enhanced(reply.enhanced) ? reply.enhanced : "",
            folded(clean_lines(reply.text))};
}

}  // namespace milters::milter
