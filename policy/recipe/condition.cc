#include "policy/recipe/condition.h"

#include <algorithm>
#include <cstdlib>

#include "policy/recipe/cursor.h"
#include "policy/recipe/expand.h"
#include "policy/recipe/macros.h"

namespace policy::recipe {
namespace {

std::size_t skip_blanks(const std::string& text, std::size_t at)
{
    return std::min(text.find_first_not_of(" \t", at), text.size());
}

/// WEIGHT^EXPONENT; takes it off the text.
bool take_weight(std::string& text, PreparedCondition& to)
{
    char* after = nullptr;
    const double weight = std::strtod(text.c_str(), &after);
    if (after == text.c_str())
        return false;
    const std::size_t hat =
        skip_blanks(text, static_cast<std::size_t>(after - text.c_str()));
    if (hat >= text.size() || text[hat] != '^')
        return false;
    const char* const start = text.c_str() + hat + 1;
    const double exponent = std::strtod(start, &after);
    if (after == start)
        return false;
    to.weighted = true;
    to.weight = weight;
    to.exponent = exponent;
    text.erase(
        0, skip_blanks(text, static_cast<std::size_t>(after - text.c_str())));
    return true;
}

void set_target(const std::string& name, PreparedCondition& to)
{
    to.target = PreparedCondition::Target::part;
    if (name == "H") {
        to.part = Part::head;
    } else if (name == "B") {
        to.part = Part::body;
    } else if (name == "HB" || name == "BH") {
        to.part = Part::both;
    } else {
        to.target = PreparedCondition::Target::variable;
        to.variable = name;
    }
}

/// NAME ??; takes it off the text.
bool take_target(std::string& text, PreparedCondition& to)
{
    if (text.empty() || !begins_name(text[0]))
        return false;
    std::size_t end = 1;
    while (end < text.size() && in_name(text[end]))
        ++end;
    const std::size_t marks = skip_blanks(text, end);
    if (text.compare(marks, 2, "??") != 0)
        return false;
    set_target(text.substr(0, end), to);
    text.erase(0, skip_blanks(text, marks + 2));
    return true;
}

void set_pattern(std::string text, bool case_matters, PreparedCondition& to)
{
    to.kind = PreparedCondition::Kind::pattern;
    // A backslash that begins a condition vanishes: \.x is "any byte, x".
    const std::size_t start = !text.empty() && text[0] == '\\' ? 1 : 0;
    text = text.substr(0, start) + unjoin(std::string_view{text}.substr(start));
    const bool daemon = replace_macros(text, start);
    to.pattern = std::make_shared<const Pattern>(text.substr(start),
                                                 daemon || !case_matters);
    to.text = std::move(text);
}

bool begins_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' ||
           c == ',';
}

}  // namespace

PreparedCondition prepare(std::string text, bool case_matters,
                          PreparedCondition so_far)
{
    using Kind = PreparedCondition::Kind;
    PreparedCondition made = std::move(so_far);
    for (;;) {
        const char c = text.empty() ? '\0' : text[0];
        if (begins_number(c)) {
            if (take_weight(text, made))
                continue;
        } else if (c == '!') {
            made.negated = !made.negated;
            text.erase(0, skip_blanks(text, 1));
            continue;
        } else if (c == '$' || c == '?' || c == '<' || c == '>') {
            made.kind = c == '$'   ? Kind::expand
                        : c == '?' ? Kind::program
                        : c == '<' ? Kind::smaller
                                   : Kind::larger;
            made.text = c == '$' ? unjoin(std::string_view{text}.substr(1))
                                 : std::move(text);
            return made;
        } else if (take_target(text, made)) {
            continue;
        }
        set_pattern(std::move(text), case_matters, made);
        return made;
    }
}

}  // namespace policy::recipe
