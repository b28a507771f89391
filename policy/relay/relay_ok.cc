// check_rcpt, second half: may this client relay to anybody (Relay_ok)?
#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

Outcome temporary(Outcome failed)
{
    failed.kind = Outcome::Kind::temporary;
    return failed;
}

/// This host itself, by no address at all or by loopback's first.
bool is_this_host(const Asking& ask)
{
    const auto& addr = ask.client_addr_text();
    return addr.empty() || addr == "127.0.0.1" ||
           same(addr, "IPv6:0:0:0:0:0:0:0:1") || same(addr, "IPv6:::1");
}

/// FEATURE(drac): any value; an IPv6 address without its tag too.
Outcome check_drac(Asking& ask)
{
    constexpr std::string_view tag = "IPv6:";
    const std::string_view addr = ask.client_addr_text();
    for (const auto key :
         {addr, addr.substr(addr.starts_with(tag) ? tag.size() : 0)}) {
        const auto value = ask.relayers_value(key);
        if (!value)
            return temporary(ask.refuse(
                temporary_failure(),
                ask.rule("drac", std::string{key}, value.error().text)));
        if (!value->empty())
            return ask.relay(
                ask.rule("drac", std::string{key}, joined(*value)));
        if (key.size() + tag.size() != addr.size() && key != addr)
            break;
    }
    return {};
}

Outcome check_address(Asking& ask)
{
    const TokenSpan addr = ask.client_addr();
    if (ask.site.relay_domains.has_start_of(addr, ask.memory))
        return ask.relay(ask.relay_domains_rule(ask.client_addr_text()));
    if (ask.features.drac)
        if (auto outcome = check_drac(ask); outcome.kind != Outcome::Kind::open)
            return outcome;
    if (ask.features.access_db) {
        const auto found =
            ask.find(Lookup::address, addr, "Connect", Mark::bare_too);
        if (found.is("RELAY"))
            return ask.relay(ask.access_why(found, "Connect"));
        if (found.state == Found::State::failed)
            return temporary(ask.map_failed("Connect"));
    }
    Tokens literal{{"["}, ask.memory};
    literal.insert(literal.end(), addr.begin(), addr.end());
    literal.push_back("]");
    if (ask.site.local.has(literal, ask.memory))
        return ask.relay(ask.local_rule(joined(literal)));
    return {};
}

/// relay_local_from and relay_mail_from: the sender's word is enough.
Outcome check_from(Asking& ask)
{
    const Features& f = ask.features;
    if (!f.relay_local_from && !f.relay_mail_from)
        return {};
    Mailbox box = ask.canonifier.parse(ask.tokens(ask.sender()));
    if (box.error || !box.is_full())
        return {};
    box.strip_trailing_dots();
    if (f.relay_local_from && ask.site.local.has(box.domain, ask.memory))
        return ask.relay(ask.rule("relay_local_from", joined(box.domain)));
    if (!f.relay_mail_from)
        return {};
    const auto full = ask.joined_key(box.local, "@", box.domain);
    const auto by_domain = f.relay_hosts_only ? Lookup::exact : Lookup::domain;
    const auto found =
        f.relay_mail_from_domain
            ? ask.search({{Lookup::full, full}, {by_domain, box.domain}},
                         "From", Mark::tagged_only)
            : ask.search({{Lookup::full, full}}, "From", Mark::tagged_only);
    if (found.is("RELAY"))
        return ask.relay(ask.access_why(found, "From"));
    if (found.state == Found::State::failed)
        return temporary(ask.map_failed("From"));
    return {};
}

/// Without a name that resolves both ways there is nothing left to ask.
Outcome check_resolved(Asking& ask)
{
    const auto why = [&] {
        return ask.rule("client name", ask.client_addr_text());
    };
    const auto denied = [&](const char* text) {
        return ask.refuse({550, "5.7.1", text + joined(ask.client_name())},
                          why());
    };
    switch (ask.client.resolve) {
        case Resolve::ok:
            break;
        case Resolve::temp:
            return temporary(ask.refuse(
                {450, "4.4.0",
                 "Relaying temporarily denied. Cannot resolve PTR record "
                 "for " +
                     joined(ask.client_addr())},
                why()));
        case Resolve::forged:
            return denied("Relaying denied. IP name possibly forged ");
        case Resolve::fail:
            return denied("Relaying denied. IP name lookup failed ");
    }
    return {};
}

/// The client's name, as DNS has it, without dots at its end.
Tokens canonical_client_name(const Asking& ask)
{
    Tokens name{ask.client_name().begin(), ask.client_name().end(), ask.memory};
    const auto& canonical = ask.world.canonical;
    if (canonical && !name.empty() && name.back() != ".")
        if (const auto found = canonical(without_quotes(joined(name)));
            !found.empty())
            name = ask.tokens(found);
    while (!name.empty() && name.back() == ".")
        name.pop_back();
    return name;
}

Found find_client_name(Asking& ask, const Tokens& name)
{
    if (!ask.features.relay_hosts_only)
        return ask.find(Lookup::domain, name, "Connect", Mark::bare_too);
    const auto found = ask.one("Connect", name);
    return found.state == Found::State::nothing ? ask.one("", name) : found;
}

Outcome check_name(Asking& ask)
{
    const Site& site = ask.site;
    const Features& f = ask.features;
    const Tokens name = canonical_client_name(ask);
    if (name.empty())
        return {};
    if (f.relay_entire_domain &&
        site.entire_domain.has_end_of(name, ask.memory))
        return ask.relay(ask.rule("relay_entire_domain", joined(name)));
    if (site.local.has(name, ask.memory))
        return ask.relay(ask.local_rule(joined(name)));
    if (f.relay_hosts_only ? site.relay_domains.has(name, ask.memory)
                           : site.relay_domains.has_end_of(name, ask.memory))
        return ask.relay(ask.relay_domains_rule(joined(name)));
    if (!f.access_db)
        return {};
    const auto found = find_client_name(ask, name);
    if (found.is("RELAY"))
        return ask.relay(ask.access_why(found, "Connect"));
    if (found.state == Found::State::failed)
        return temporary(ask.map_failed("Connect"));
    return {};
}

}  // namespace

Outcome relay_ok(Asking& ask)
{
    if (is_this_host(ask))
        return ask.relay(ask.rule("this host", ask.client_addr_text()));
    if (auto outcome = check_address(ask); outcome.kind != Outcome::Kind::open)
        return outcome;
    if (auto outcome = check_from(ask); outcome.kind != Outcome::Kind::open)
        return outcome;
    if (auto outcome = check_resolved(ask); outcome.ends())
        return outcome;
    return check_name(ask);
}

}  // namespace policy::relay
