#include "policy/sendmail/macros.h"

#include <cctype>

#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

constexpr int most_depth = 10;  ///< macros in macros

/// Takes `{name}` or one letter off `text`.
std::string_view take_name(std::string_view& text)
{
    const auto end = text.starts_with('{') ? text.find('}') : text.npos;
    const auto size =
        end == text.npos ? std::min<std::size_t>(1, text.size()) : end + 1;
    const auto name = text.substr(0, size);
    text.remove_prefix(size);
    return without_braces(name);
}

bool is_macro(char c)
{
    return c == '{' || c == '_' || std::isalpha(static_cast<unsigned char>(c));
}

bool takes_a_name(char c)
{
    return c == '&' || c == '=' || c == '~';
}

}  // namespace

std::string_view without_braces(std::string_view name)
{
    if (name.size() > 2 && name.starts_with('{') && name.ends_with('}'))
        return name.substr(1, name.size() - 2);
    return name;
}

Macros::Macros(const Cf& cf, const std::string& host_name)
{
    const auto dot = host_name.find('.');
    set("w", host_name.substr(0, dot));
    set("j", host_name);
    set("opMode", "d");  // mail comes to the daemon
    if (dot != host_name.npos)
        set("m", host_name.substr(dot + 1));
    for (const auto& line : cf.lines())
        if (const auto [name, value] = named(line.text); line.kind == 'D')
            set(without_braces(name), std::string{trimmed(value)});
}

void Macros::set(std::string_view name, std::string value)
{
    values_.insert_or_assign(std::string{name}, std::move(value));
}

std::string Macros::value(std::string_view name) const
{
    const auto found = values_.find(name);
    return found == values_.end() ? "" : found->second;
}

std::string Macros::expanded(std::string_view text) const
{
    return part(text, 0, false);
}

/// @param inside  of a conditional: stops before its `$|` or `$.`
std::string Macros::part(std::string_view& text, int depth, bool inside) const
{
    std::string out;
    while (!text.empty()) {
        const char sign = text.size() > 1 ? text[1] : '\0';
        if (text.front() != '$' || sign == '\0') {
            out += text.front();
            text.remove_prefix(1);
        } else if (inside && (sign == '|' || sign == '.')) {
            return out;
        } else if (sign == '?') {
            text.remove_prefix(2);
            out += conditional(text, depth);
        } else if (is_macro(sign)) {
            text.remove_prefix(1);
            const auto found = value(take_name(text));
            std::string_view rest{found};
            out += depth < most_depth ? part(rest, depth + 1, false) : found;
        } else {
            out.append(text.substr(0, sign == '$' ? 1 : 2));
            text.remove_prefix(2);
            if (takes_a_name(sign)) {
                const auto whole = text;
                take_name(text);
                out.append(whole.substr(0, whole.size() - text.size()));
            }
        }
    }
    return out;
}

/// $?x yes $| no $.
std::string Macros::conditional(std::string_view& text, int depth) const
{
    const bool set = !value(take_name(text)).empty();
    std::string yes = part(text, depth, true), no;
    if (text.starts_with("$|")) {
        text.remove_prefix(2);
        no = part(text, depth, true);
    }
    if (text.starts_with("$."))
        text.remove_prefix(2);
    return set ? yes : no;
}

}  // namespace policy::sendmail
