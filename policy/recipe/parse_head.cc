// The first line of a recipe: number, flags, lock.
#include <algorithm>
#include <charconv>

#include "policy/recipe/parse.h"

namespace policy::recipe {
namespace {

/// What makes another text of the line.
constexpr std::string_view special = "$\"'\\`";

bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

}  // namespace

bool Flags::set(char letter)
{
    constexpr std::string_view letters = "HBDAaEehbfcwWirU";
    bool Flags::*const members[] = {
        &Flags::head,       &Flags::body,          &Flags::case_matters,
        &Flags::and_also,   &Flags::and_if_done,   &Flags::or_else,
        &Flags::on_error,   &Flags::pass_head,     &Flags::pass_body,
        &Flags::filter,     &Flags::copy,          &Flags::wait,
        &Flags::wait_quiet, &Flags::ignore_errors, &Flags::raw,
        &Flags::decoded};
    const std::size_t at = letters.find(letter);
    if (at == letters.npos)
        return false;
    this->*members[at] = true;
    return true;
}

Head parse_head(std::string_view text, long& number, bool own_words,
                bool expanded)
{
    Head head;
    head.text = text;
    head.variables = text.find_first_of(special) != text.npos;
    std::size_t at = std::min(text.find_first_not_of(" \t"), text.size());
    const auto [after, error] =
        std::from_chars(text.data() + at, text.data() + text.size(), number);
    if (error == std::errc{})
        at = static_cast<std::size_t>(after - text.data());
    else
        number = -1;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (is_blank(c))
            continue;
        if (c == ':') {
            head.lock = true;
            break;
        }
        if ((c == 'U' && !own_words) || !head.flags.set(c)) {
            const bool comment =
                c == '#' && (at == 0 || is_blank(text[at - 1]));
            if (expanded || (!comment && special.find(c) == special.npos))
                head.rest = text.substr(at);
            break;
        }
        head.letters.push_back(c);
    }
    return head;
}

}  // namespace policy::recipe
