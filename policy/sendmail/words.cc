#include "policy/sendmail/words.h"

#include <algorithm>
#include <cctype>

namespace policy::sendmail {
namespace {

char folded(char c, int (*fold)(int))
{
    return static_cast<char>(fold(static_cast<unsigned char>(c)));
}

}  // namespace

std::string_view trimmed(std::string_view text)
{
    const auto from = text.find_first_not_of(blanks);
    if (from == text.npos)
        return {};
    return text.substr(from, text.find_last_not_of(blanks) - from + 1);
}

std::vector<std::string> split(std::string_view text,
                               std::string_view separators)
{
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        const auto word = trimmed(text.substr(0, end));
        if (!word.empty())
            words.emplace_back(word);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

std::string lower(std::string_view text)
{
    std::string out{text};
    for (auto& c : out)
        c = folded(c, std::tolower);
    return out;
}

std::vector<std::pair<char, std::string>> fields(std::string_view text)
{
    std::vector<std::pair<char, std::string>> out;
    for (const auto& field : split(text, ",")) {
        const auto equals = field.find('=');
        if (equals == field.npos || equals == 0)
            continue;
        out.emplace_back(folded(field.front(), std::toupper),
                         trimmed(std::string_view{field}.substr(equals + 1)));
    }
    return out;
}

std::pair<std::string_view, std::string_view> named(std::string_view text)
{
    if (text.empty())
        return {};
    const auto brace = text.front() == '{' ? text.find('}') : 0;
    const auto end = brace == text.npos ? text.size() : brace + 1;
    return {text.substr(0, end), text.substr(end)};
}

}  // namespace policy::sendmail
