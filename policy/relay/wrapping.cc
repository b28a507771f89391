#include "policy/relay/wrapping.h"

#include <algorithm>

namespace policy::relay {
namespace {

using Index = std::ptrdiff_t;

void keep_only(Tokens& tokens, std::size_t first, std::size_t end)
{
    tokens.erase(tokens.begin() + static_cast<Index>(end), tokens.end());
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<Index>(first));
}

// sendmail marks an address without angle brackets by `<@>` behind it, and
// then cannot tell an address that ends so by itself.
void mark(Tokens& t)
{
    t.insert(t.end(), {"<", "@", ">"});
}
bool is_marked(TokenSpan t)
{
    return ends_with(t, {"<", "@", ">"});
}
void unmark(Tokens& t)
{
    t.resize(t.size() - 3);
}

bool has_brackets(TokenSpan t)
{
    const auto open = find(t, "<");
    return open != npos && find(t, ">", open + 1) != npos;
}

/// Index of the tag in `[IPv6:...]` at the end; npos if there is none.
std::size_t ipv6_tag_at_end(TokenSpan t)
{
    if (!ends_with(t, {"]"}))
        return npos;
    for (auto i = find(t, "["); i != npos; i = find(t, "[", i + 1))
        if (i + 4 < t.size() && same(t[i + 1], "IPv6") && t[i + 2] == ":")
            return i + 1;
    return npos;
}

/// Whether a colon in an address without angle brackets is not that of a
/// `group:`.
bool colon_is_no_group(TokenSpan t)
{
    return (!t.empty() && t[0] == "@") || ipv6_tag_at_end(t) != npos ||
           find_pair(t, ":", ":") != npos ||
           (t.size() >= 3 && t[0] == ":" && same(t[1], "include") &&
            t[2] == ":");
}

/// `a:b[c]` has a group all the same.
bool literal_behind_colon(TokenSpan t)
{
    const auto colon = find(t, ":");
    return ends_with(t, {"]"}) && colon != npos &&
           find(t.first(t.size() - 1), "[", colon + 1) != npos;
}

/// Spells the tag of a literal as the rule does that takes its colon for none
/// of a group, where there are no angle brackets.
void spell_ipv6_tag(Tokens& t)
{
    const auto tag = ipv6_tag_at_end(t);
    if (tag != npos && t[0] != "@" && !has_brackets(t))
        t[tag] = "IPv6";
}

}  // namespace

void strip_group(Tokens& t)
{
    spell_ipv6_tag(t);
    const bool plain = !has_brackets(t) && !colon_is_no_group(t);
    if (plain || literal_behind_colon(t))
        mark(t);
    if (is_marked(t)) {
        const auto colon = find(t, ":");
        unmark(t);
        if (colon != npos)
            keep_only(t, colon + 1, t.size());
        if (colon != npos && is_marked(t))
            unmark(t);
    }
    while (!t.empty() && t.back() == ";")
        t.pop_back();
}

TokenSpan empty_list(TokenSpan t)
{
    for (auto open = find(t, "<"); open != npos; open = find(t, "<", open + 1))
        for (auto i = find(t, ":", open + 2); i != npos;
             i = find(t, ":", i + 1))
            if (i + 2 < t.size() && t[i + 1] == ";" && t[i + 2] == ">")
                return t.subspan(open + 1, i - open - 1);
    return {};
}

void strip_brackets(Tokens& t)
{
    while (ends_with(t, {";", ">"}) && find(t, "<") != npos)
        t.erase(t.end() - 2);
    const auto last = std::find(t.rbegin(), t.rend(), Token{"<"});
    const auto first = static_cast<std::size_t>(t.rend() - last);
    const auto close = find(t, ">", first);
    keep_only(t, first, close == npos ? t.size() : close);
}

void strip_route(Tokens& t)
{
    const auto behind = [&](Token end) {
        const auto i = !t.empty() && t[0] == "@" ? find(t, end, 2) : npos;
        return i != npos && i + 1 < t.size() ? i + 1 : npos;
    };
    for (auto i = behind(","); i != npos; i = behind(","))
        keep_only(t, i, t.size());
    while (t.size() > 4 && t[0] == "@" && t[1] == "[") {
        const auto i = find_pair(t, "]", ":", 2);
        if (i == npos || i + 2 >= t.size())
            break;
        keep_only(t, i + 2, t.size());
    }
    for (auto i = behind(":"); i != npos; i = behind(":"))
        keep_only(t, i, t.size());
}

}  // namespace policy::relay
