#include "policy/recipe/field.h"

#include <strings.h>

#include <algorithm>

namespace policy::recipe {
namespace {

constexpr std::string_view from_word = "From ";

bool same_start(std::string_view text, std::string_view start)
{
    return text.size() >= start.size() &&
           strncasecmp(text.data(), start.data(), start.size()) == 0;
}

/// From_ lines of hosts on the way, behind the first.
bool is_quoted_from(std::string_view line, const std::vector<Field>& before)
{
    return !before.empty() && !before.back().has_colon() &&
           line.starts_with(">From ");
}

/// A line as a field; formail drops blanks before the colon.
Field field_of(std::string_view line, std::size_t name_end)
{
    if (name_end == 0)
        return {std::string{line}, 0};
    const std::size_t last = line.find_last_not_of(" \t", name_end - 2);
    std::string text{line.substr(0, last + 1)};
    text += line.substr(name_end - 1);
    return {std::move(text), last + 2};
}

}  // namespace

std::string_view option_name(std::string_view option)
{
    const std::size_t colon = option.find(':');
    return colon == option.npos ? option : option.substr(0, colon + 1);
}

std::size_t name_end_of(std::string_view line)
{
    std::size_t at = 0;
    const auto in_field = [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != ':';
    };
    while (at < line.size() && in_field(line[at]))
        ++at;
    const std::size_t colon = line.find_first_not_of(" \t", at);
    return at > 0 && colon != line.npos && line[colon] == ':' ? colon + 1 : 0;
}

std::string Field::lower_name() const
{
    std::string name = text.substr(0, name_end);
    for (char& c : name)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + ('a' - 'A'));
    return name;
}

bool Field::matches(std::string_view option) const
{
    return name_end > 0 &&
           same_start(std::string_view{text}.substr(0, name_end),
                      option_name(option));
}

std::vector<Field> split_fields(std::string_view mail, std::string_view& rest)
{
    std::vector<Field> fields;
    rest = mail;
    while (!rest.empty() && rest[0] != '\n') {
        const std::size_t newline = std::min(rest.find('\n'), rest.size() - 1);
        const std::string_view line = rest.substr(0, newline + 1);
        const bool folded = line[0] == ' ' || line[0] == '\t';
        const std::size_t name_end = name_end_of(line);
        const bool from = fields.empty() && line.starts_with(from_word);
        // The From_ line cannot be folded: what looks so is the body.
        if (folded && !fields.empty() && fields.back().has_colon())
            fields.back().text += line;
        else if (is_quoted_from(line, fields))
            fields.back().text += line;
        else if (name_end > 0 || from)
            fields.push_back(from ? Field{std::string{line}, from_word.size()}
                                  : field_of(line, name_end));
        else
            break;  // not a header any more
        rest.remove_prefix(newline + 1);
    }
    return fields;
}

}  // namespace policy::recipe
