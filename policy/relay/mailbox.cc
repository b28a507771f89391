// The form of an address: from what the client wrote to local part and
// domain.  What is then refused or peeled off is in mailbox_parse.cc.
#include "policy/relay/mailbox.h"

#include <algorithm>

namespace policy::relay {
namespace {

using Index = std::ptrdiff_t;

Tokens part(TokenSpan tokens, std::size_t first, std::size_t end, Memory* m)
{
    return {tokens.begin() + static_cast<Index>(first),
            tokens.begin() + static_cast<Index>(end), m};
}

void keep_only(Tokens& tokens, std::size_t first, std::size_t end)
{
    tokens.erase(tokens.begin() + static_cast<Index>(end), tokens.end());
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<Index>(first));
}

bool ends_with(TokenSpan tokens, std::initializer_list<Token> words)
{
    return tokens.size() >= words.size() &&
           same(tokens.last(words.size()),
                TokenSpan{words.begin(), words.size()});
}

/// Index of the first of two neighbours; npos if they are nowhere.
std::size_t find_pair(TokenSpan tokens, Token a, Token b, std::size_t from = 0)
{
    for (auto i = find(tokens, a, from); i != npos; i = find(tokens, a, i + 1))
        if (i + 1 < tokens.size() && tokens[i + 1] == b)
            return i;
    return npos;
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

/// Leaves out `group:` where there are no angle brackets, and `;` at the end.
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

/// Where `list:;` stands between the first angle bracket that holds one and
/// the next: the tokens of `list`.
TokenSpan empty_list(TokenSpan t)
{
    for (auto open = find(t, "<"); open != npos; open = find(t, "<", open + 1))
        for (auto i = find(t, ":", open + 2); i != npos;
             i = find(t, ":", i + 1))
            if (i + 2 < t.size() && t[i + 1] == ";" && t[i + 2] == ">")
                return t.subspan(open + 1, i - open - 1);
    return {};
}

/// What stands in the innermost angle brackets, of several in the last.
void strip_brackets(Tokens& t)
{
    while (ends_with(t, {";", ">"}) && find(t, "<") != npos)
        t.erase(t.end() - 2);
    const auto last = std::find(t.rbegin(), t.rend(), Token{"<"});
    const auto first = static_cast<std::size_t>(t.rend() - last);
    const auto close = find(t, ">", first);
    keep_only(t, first, close == npos ? t.size() : close);
}

/// `@a,@b:user@host` becomes user@host.
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

bool Canonifier::is_localhost(TokenSpan d) const
{
    if (d.empty() || !same(d[0], "localhost"))
        return false;
    if (d.size() == 1)
        return true;
    const auto parent = d.subspan(2);
    return d[1] == "." &&
           ((!parent.empty() && same(parent, site_.host_domain_tokens)) ||
            (site_.features.uucp && parent.size() == 1 &&
             same(parent[0], "UUCP")));
}

void Canonifier::make_local(Mailbox& box) const
{
    box.domain.assign(site_.domain_tokens.begin(), site_.domain_tokens.end());
    box.domain.push_back(".");
}

/// Where DNS knows `host`, puts in place of it the name it has there.
/// sendmail reads that name, and the dot behind it, as text once more.
bool Canonifier::name_in_dns(Tokens& host) const
{
    if (!canonical_ || !*canonical_)
        return false;
    const auto name = (*canonical_)(without_quotes(joined(host, '.')));
    if (name.empty())
        return false;
    if (name == joined(host))
        host.push_back(".");
    else
        host = tokenise(name + ".", memory_);
    return true;
}

/// `h.UUCP`: the domain h if DNS knows it, else a name of its own.
bool Canonifier::settle_uucp(Tokens& d) const
{
    if (!site_.features.uucp || !site_.features.canonify || d.size() < 3 ||
        !ends_with(d, {".", "UUCP"}))
        return false;
    Tokens host = part(d, 0, d.size() - 2, memory_);
    const bool dotted = host.size() > 1 && host.back() == ".";
    if (dotted)
        host.pop_back();
    const bool known = name_in_dns(host);
    if (dotted && !known)
        host.push_back(".");
    if (dotted || known)
        d = std::move(host);
    else
        d.push_back(".");
    return true;
}

/// The name that DNS has, with a dot at its end; where DNS is not asked, any
/// name of two labels or more is taken for that.
void Canonifier::ask_dns(Tokens& domain) const
{
    if (asks_dns_) {
        name_in_dns(domain);
        return;
    }
    const auto dot = find(domain, ".", 1);
    if (dot != npos && dot + 1 < domain.size())
        domain.push_back(".");
}

void Canonifier::settle_domain(Mailbox& box) const
{
    Tokens& d = box.domain;
    if (d.empty())
        return;
    if (is_localhost(d))
        return make_local(box);
    const bool literal = d.size() > 2 && d[0] == "[" && d.back() == "]";
    if (literal || (d.size() > 1 && d[0] == "@")) {
        if (!literal)
            d.erase(d.begin());
        if (site_.local.has(d, memory_))
            make_local(box);
        return;
    }
    if (settle_uucp(d))
        return;
    if (d.back() != ".") {
        ask_dns(d);
        if (site_.local.has(d, memory_))
            d.push_back(".");
    }
    while (ends_with(d, {".", "."}))
        d.pop_back();
}

}  // namespace policy::relay
