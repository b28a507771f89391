// The form of an address: from what the client wrote to local part and
// domain.  What is then refused or peeled off is in mailbox_parse.cc, what
// becomes of its domain in mailbox_domain.cc.
#include "policy/relay/mailbox.h"

#include <algorithm>

#include "policy/relay/wrapping.h"

namespace policy::relay {
namespace {

using Index = std::ptrdiff_t;

Tokens part(TokenSpan tokens, std::size_t first, std::size_t end, Memory* m)
{
    return {tokens.begin() + static_cast<Index>(first),
            tokens.begin() + static_cast<Index>(end), m};
}

/// Index of the `;` in `list:...;@host`; npos if the address is no such.
std::size_t list_end(TokenSpan t)
{
    const auto colon = find(t, ":", 1);
    if (colon == npos)
        return npos;
    const auto i = find_pair(t, ";", "@", colon + 1);
    return i != npos && i + 2 < t.size() ? i : npos;
}

bool is_list(TokenSpan t)
{
    const auto colon = find(t, ":", 1);
    return colon != npos && colon + 1 < t.size() && t.back() == ";";
}

/// Index of the last `@` with something on both sides; npos if none.
std::size_t last_at(TokenSpan t)
{
    for (auto i = t.size(); i-- > 2;)
        if (t[i - 1] == "@")
            return i - 1;
    return npos;
}

}  // namespace

Canonifier::Canonifier(
    const Site& site,
    const std::function<std::string(std::string_view)>* canonical,
    std::string_view flags, Memory* memory)
    : site_{site},
      canonical_{canonical},
      asks_dns_{site.features.canonify},
      memory_{memory}
{
    if (flags.empty())
        return;
    const auto words = tokenise(flags, memory);
    asks_dns_ =
        asks_dns_ ? find(words, "CC") == npos : find(words, "c") != npos;
}

void Mailbox::strip_trailing_dots()
{
    while (has_domain && domain.size() > 1 && domain.back() == ".")
        domain.pop_back();
}

Tokens Mailbox::in_one_row() const
{
    Tokens row{local, local.get_allocator()};
    if (has_domain) {
        row.insert(row.end(), {"<", "@"});
        row.insert(row.end(), domain.begin(), domain.end());
        row.push_back(">");
    }
    return row;
}

bool Canonifier::is_host_token(Token token) const
{
    return token == "@" || (token == "%" && site_.features.percent_hack) ||
           (token == "!" && site_.features.uucp);
}

bool Canonifier::names_a_host(TokenSpan local) const
{
    return std::any_of(local.begin(), local.end(),
                       [this](Token t) { return is_host_token(t); });
}

Mailbox Canonifier::split(TokenSpan t, std::size_t local_end,
                          std::size_t domain_start) const
{
    Mailbox box{memory_};
    box.local = part(t, 0, local_end, memory_);
    box.domain = part(t, domain_start, t.size(), memory_);
    box.has_domain = true;
    return box;
}

/// host!user, the first host of the path being the domain.
Mailbox Canonifier::focus_uucp(TokenSpan t) const
{
    const auto n = t.size();
    Mailbox box{memory_};
    box.has_domain = true;
    const auto take = [&](std::size_t host_end, bool pseudo) {
        box.domain = part(t, 0, host_end, memory_);
        if (pseudo)
            box.domain.insert(box.domain.end(), {".", "UUCP"});
        box.local = part(t, host_end + 1, n, memory_);
        return box;
    };
    if (n >= 3 && t[1] == "!")
        return take(1, true);
    for (std::size_t i = 1; i + 3 < n; ++i)
        if (t[i] == "." && t[i + 2] == "!")
            return take(i + 2, false);
    const auto bang = find(t, "!", 1);
    if (bang != npos && bang + 1 < n)
        return take(bang, true);
    box.has_domain = false;
    return box;
}

/// user%host: the last % counts as @.
Mailbox Canonifier::focus_percent(TokenSpan address) const
{
    Tokens t = part(address, 0, address.size(), memory_);
    if (site_.features.percent_hack) {
        std::replace(t.begin(), t.end(), Token{"%"}, Token{"@"});
        const auto last = std::find(t.rbegin(), t.rend(), Token{"@"});
        if (last != t.rend())
            std::replace(t.begin(), last.base() - 1, Token{"@"}, Token{"%"});
    }
    const auto at = find(t, "@");
    if (at != npos)
        return split(t, at, at + 1);
    Mailbox box{memory_};
    box.local = std::move(t);
    return box;
}

/// Finds the domain of an address that has no brackets and no route.
Mailbox Canonifier::focus(TokenSpan t) const
{
    if (const auto i = list_end(t); i != npos)
        return split(t, i + 1, i + 2);
    if (is_list(t)) {
        Mailbox list{memory_};
        list.local = part(t, 0, t.size(), memory_);
        return list;
    }
    if (const auto at = last_at(t); at != npos)
        return split(t, at, at + 1);
    if (site_.features.uucp)
        if (auto box = focus_uucp(t); box.has_domain)
            return box;
    return focus_percent(t);
}

Mailbox Canonifier::canonify(TokenSpan address) const
{
    Mailbox box{memory_};
    box.has_domain = true;
    if (address.empty())
        return box;
    Tokens t = part(address, 0, address.size(), memory_);
    strip_group(t);
    if (const auto list = empty_list(t); !list.empty() || t.empty()) {
        box.local = part(list, 0, list.size(), memory_);
        box.local.insert(box.local.end(), {":", ";"});
        return box;
    }
    strip_brackets(t);
    if (t.empty())
        return box;
    strip_route(t);
    box = focus(t);
    settle_domain(box);
    return box;
}

}  // namespace policy::relay
