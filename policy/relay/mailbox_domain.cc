// The domain of an address: what is local, what DNS calls it.
#include <algorithm>

#include "policy/relay/mailbox.h"

namespace policy::relay {
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
    Tokens host{d.begin(), d.end() - 2, memory_};
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
