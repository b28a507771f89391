// check_rcpt, first half: the recipient (ParseRecipient, Rcpt_ok).
#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

const Reply mailbox_disabled{550, "5.2.1",
                             "Mailbox disabled for this recipient"};

/// Whether mail for a domain is relayed, when it stands in front of another
/// host: user%host@domain.
bool relays_to(Asking& ask, TokenSpan domain)
{
    const Site& site = ask.site;
    const Features& f = ask.features;
    if (f.relay_entire_domain &&
        site.entire_domain.has_end_of(domain, ask.memory))
        return true;
    if (f.relay_hosts_only ? site.relay_domains.has(domain, ask.memory)
                           : site.relay_domains.has_end_of(domain, ask.memory))
        return true;
    if (!f.access_db || domain.empty())
        return false;
    if (!f.relay_hosts_only)
        return ask.find(Lookup::domain, domain, "To", Mark::bare_too)
            .is("RELAY");
    const auto found = ask.one("To", domain);
    if (found.state != Found::State::nothing && !found.is("NO"))
        return found.is("RELAY");
    return ask.one("", domain).is("RELAY");
}

/// Peels off hosts that we relay for, as long as the local part holds
/// another one.
Mailbox parse_recipient(Asking& ask, TokenSpan address)
{
    Mailbox box = ask.canonifier.parse(address);
    if (box.error || !box.has_domain)
        return box;
    while (!box.domain.empty() && box.domain.back() == ".")
        box.domain.pop_back();
    if (box.local.size() == 1)
        box.local = ask.canonifier.dequoted(box.local.front());
    if (!ask.canonifier.names_a_host(box.local) || !relays_to(ask, box.domain))
        return box;
    return parse_recipient(ask, box.local);
}

Mailbox recipient(Asking& ask, TokenSpan argument)
{
    if (!ask.features.loose_relay_check)
        return parse_recipient(ask, argument);
    Mailbox box = ask.canonifier.parse(argument);
    box.strip_trailing_dots();
    return box;
}

/// `local < @ domain >` as one row of tokens.
Tokens in_one_row(const Mailbox& box, Memory* memory)
{
    Tokens row{box.local, memory};
    if (box.has_domain) {
        row.insert(row.end(), {"<", "@"});
        row.insert(row.end(), box.domain.begin(), box.domain.end());
        row.push_back(">");
    }
    return row;
}

/// What To: says of a recipient, whether or not we relay to it.
Found find_refusal(Asking& ask, const Mailbox& box)
{
    const auto look_up = [&](std::initializer_list<map::Wanted> list) {
        return ask.search(list, "To", Mark::bare_too);
    };
    // without a local part all of `< @ domain >` counts as the user
    if (!box.has_domain || box.local.empty())
        return look_up(
            {{Lookup::user,
              ask.joined_key(in_one_row(box, ask.memory), "@", {})}});
    const auto full = ask.joined_key(box.local, "@", box.domain);
    if (!ask.site.local.has(box.domain, ask.memory))
        return look_up({{Lookup::full, full}, {Lookup::domain, box.domain}});
    return look_up({{Lookup::full, full},
                    {Lookup::user, ask.joined_key(box.local, "@", {})},
                    {Lookup::domain, box.domain}});
}

/// blocklist_recipients: a To: entry that refuses the recipient.
Outcome check_blocklist(Asking& ask, const Mailbox& box)
{
    const auto found = find_refusal(ask, box);
    const Features& f = ask.features;
    if (found.state == Found::State::failed)
        return ask.map_failed("To");
    if (found.state == Found::State::nothing || found.is("OK") ||
        found.is("RELAY") || (f.access.skip && found.is("SKIP")) ||
        (f.spam_tags_too && (found.is("SPAMFRIEND") || found.is("SPAMHATER"))))
        return {};
    if (found.value.empty())
        return ask.act_on_nothing(found, "To", box.local, box.domain, ">$|<");
    Tokens rest = in_one_row(box, ask.memory);
    rest.insert(rest.begin(), "<");
    rest.push_back(">");
    return ask.act(found, "To", rest, false, mailbox_disabled);
}

/// A client whose certificate access.db lets relay (RelayTLS).
Outcome check_certificate(Asking& ask)
{
    const Client& c = ask.client;
    if (!ask.features.access_db ||
        !(same(c.tls_verify, "OK") || same(c.tls_verify, "TRUSTED")))
        return {};
    const auto final_ok = [&](const Found& found, Token tag) {
        return Outcome{Outcome::Kind::final_ok, {}, ask.access_why(found, tag)};
    };
    if (c.cert_issuer.empty())
        return {};
    const auto issuer = ask.one("CERTISSUER", ask.tokens(c.cert_issuer));
    if (issuer.is("RELAY"))
        return final_ok(issuer, "CERTISSUER");
    if (!issuer.is("SUBJECT") || c.cert_subject.empty())
        return {};
    const auto subject = ask.one("CERTSUBJECT", ask.tokens(c.cert_subject));
    return subject.is("RELAY") ? final_ok(subject, "CERTSUBJECT") : Outcome{};
}

/// POP-before-SMTP through the plain map: any value but NO.
Outcome check_relayers_map(Asking& ask, const char* rule)
{
    const auto value = ask.relayers_value(ask.client_addr_text());
    if (!value)
        return ask.refuse(
            temporary_failure(),
            ask.rule(rule, ask.client_addr_text(), value.error().text));
    if (value->empty() || (value->size() == 1 && same(value->front(), "NO")))
        return {};
    Why why = ask.rule(rule, ask.client_addr_text(), joined(*value));
    why.source = ask.world.relayers_map->name();
    return {Outcome::Kind::final_ok, {}, std::move(why)};
}

/// POP-before-SMTP through the store of grants, with its window.
Outcome check_grant(Asking& ask)
{
    const auto& store = ask.world.relayers;
    if (!store || !ask.client.addr.is_ip())
        return {};
    Why why = ask.rule("POP-before-SMTP", ask.client_addr_text());
    const auto grant = store->find(ask.client.addr);
    if (!grant) {
        why.value = grant.error().text;
        return ask.refuse(temporary_failure(), std::move(why));
    }
    if (!*grant ||
        relayers::standing(**grant, ask.world.clock(), ask.world.window) !=
            relayers::Standing::valid)
        return {};
    why.key = (*grant)->network.text();
    why.value = (*grant)->user;
    return {Outcome::Kind::final_ok, {}, std::move(why)};
}

/// Clients that may relay to anybody by who they are: certificate, a login
/// in the plain map, SMTP AUTH.
Outcome check_identity(Asking& ask)
{
    if (auto outcome = check_certificate(ask); outcome.ends())
        return outcome;
    if (ask.features.relayers_auth)
        if (auto outcome = check_relayers_map(ask, "Local_Relay_Auth");
            outcome.ends())
            return outcome;
    const auto mechanism = ask.tokens(ask.client.auth_type);
    if (!ask.site.trust_auth_mech.has(mechanism, ask.memory))
        return {};
    return {
        Outcome::Kind::final_ok,
        {},
        ask.rule("SMTP AUTH", ask.client.auth_type, ask.client.auth_authen)};
}

std::size_t find_domain(TokenSpan row, std::size_t from)
{
    auto i = find(row, "<", from);
    while (i != npos && (i + 1 == row.size() || row[i + 1] != "@"))
        i = find(row, "<", i + 1);
    return i;
}

/// Puts `pseudo` in place of the domain and of the host beyond `sign`.
void make_remote(Tokens& row, Token sign, Token pseudo, bool host_first)
{
    for (const bool with_domain : {true, false}) {
        const TokenSpan old = row;
        const auto at = find(old, sign);
        if (at == npos)
            return;
        const auto domain = find_domain(old, at);
        if (with_domain && domain == npos)
            continue;
        const auto end = with_domain ? domain : old.size();
        const auto kept =
            host_first ? old.subspan(at + 1, end - at - 1) : old.first(at);
        Tokens made{{"<", "REMOTE", ">"}, row.get_allocator()};
        made.insert(made.end(), kept.begin(), kept.end());
        made.insert(made.end(), {"<", "@", pseudo, ">"});
        row = std::move(made);
    }
}

/// nouucp and nopercenthack with `reject`: such a path is never local.
void refuse_paths(const Asking& ask, Mailbox& box)
{
    const Features& f = ask.features;
    if (!f.uucp_reject && !f.percent_reject)
        return;
    Tokens row = in_one_row(box, ask.memory);
    if (f.uucp_reject)
        make_remote(row, "!", "BANG_PATH", true);
    if (f.percent_reject)
        make_remote(row, "%", "PERCENT_HACK", false);
    const auto domain = find_domain(row, 0);
    box.has_domain = domain != npos;
    if (!box.has_domain)
        return;
    const auto start = row.begin() + static_cast<long>(domain);
    box.local.assign(row.begin(), start);
    box.domain.assign(start + 2, row.end() - 1);
}

/// What To: says of relaying to the recipient.
Found find_destination(Asking& ask, const Mailbox& box)
{
    const Features& f = ask.features;
    // a path that was refused twice has two pseudo domains: `A > < @ A`
    TokenSpan domain = box.domain;
    const auto second = find(domain, ">");
    if (!f.relay_hosts_only && second != npos)
        domain = domain.first(second);
    if (!f.relay_hosts_only && !f.relay_to_full_address)
        return ask.find(Lookup::domain, domain, "To", Mark::bare_too);
    const auto full = ask.joined_key(box.local, "@", domain);
    if (!f.relay_hosts_only && second != npos)
        return ask.find(Lookup::full, full, "To", Mark::bare_too);
    if (!f.relay_hosts_only)
        return ask.search({{Lookup::full, full},
                           {Lookup::domain, domain},
                           {Lookup::full, ask.joined_key(box.local, "@", {})}},
                          "To", Mark::bare_too);
    Found found;
    if (f.relay_to_full_address)
        found = ask.one("To", full);
    if (found.state == Found::State::nothing)
        found = ask.one("To", domain);
    return found.state == Found::State::nothing ? ask.one("", domain) : found;
}

Outcome check_destination(Asking& ask, const Mailbox& box)
{
    const Site& site = ask.site;
    const TokenSpan domain = box.domain;
    const auto key = [&] { return joined(domain); };
    if (!box.is_full())
        return {};
    if (ask.features.relay_entire_domain &&
        site.entire_domain.has_end_of(domain, ask.memory))
        return ask.relay(ask.rule("relay_entire_domain", key()));
    if (site.local.has(domain, ask.memory))
        return ask.relay(ask.local_rule(key()));
    if (ask.features.relay_hosts_only
            ? site.relay_domains.has(domain, ask.memory)
            : site.relay_domains.has_end_of(domain, ask.memory))
        return ask.relay(ask.relay_domains_rule(key()));
    if (!ask.features.access_db)
        return {};
    const auto found = find_destination(ask, box);
    if (found.is("RELAY"))
        return ask.relay(ask.access_why(found, "To"));
    if (found.state != Found::State::failed)
        return {};
    auto failed = ask.map_failed("To");
    failed.kind = Outcome::Kind::temporary;
    return failed;
}

}  // namespace

Outcome recipient_ok(Asking& ask, TokenSpan argument)
{
    Mailbox box = recipient(ask, argument);
    if (box.error)
        return ask.refuse(
            map::error_reply(box.error->dsn, std::string_view{box.error->text}),
            ask.rule("syntax", joined(argument)));
    if (ask.features.blocklist_recipients)
        if (auto refused = check_blocklist(ask, box); refused.ends())
            return refused;
    if (ask.features.promiscuous_relay)
        return ask.relay(ask.rule("promiscuous_relay"));
    if (auto outcome = check_identity(ask); outcome.ends())
        return outcome;
    auto grant = check_grant(ask);
    if (grant.kind == Outcome::Kind::final_ok)
        return grant;
    refuse_paths(ask, box);
    // `<;>` has a domain of no tokens: no address, and yet no remote one
    if (box.has_domain ? box.domain.empty() : !box.local.empty())
        return ask.relay(ask.rule("local user", joined(box.local)));
    auto destination = check_destination(ask, box);
    // A store that cannot answer holds up only who would need a grant.
    return grant.ends() && destination.kind != Outcome::Kind::relay
               ? grant
               : destination;
}

Outcome check_rcpt(Asking& ask, TokenSpan argument)
{
    if (ask.features.relayers_rcpt)
        if (auto outcome = check_relayers_map(ask, "Local_check_rcpt");
            outcome.ends())
            return outcome;
    if (argument.size() == 2 && argument[0] == "<" && argument[1] == ">")
        return ask.refuse({553, "5.0.0", "User address required"},
                          ask.rule("empty recipient"));
    auto rcpt = recipient_ok(ask, argument);
    if (rcpt.kind != Outcome::Kind::open &&
        rcpt.kind != Outcome::Kind::temporary)
        return rcpt;
    auto client = relay_ok(ask);
    if (client.kind == Outcome::Kind::temporary)
        client.kind = Outcome::Kind::refused;
    if (client.kind != Outcome::Kind::open)
        return client;
    if (rcpt.kind == Outcome::Kind::temporary) {
        rcpt.kind = Outcome::Kind::refused;
        return rcpt;
    }
    return ask.refuse(
        {550, "5.7.1",
         ask.site.authenticates
             ? "Relaying denied. Proper authentication required."
             : "Relaying denied"},
        ask.rule("default: nothing allows relaying", joined(argument)));
}

bool spared_from_checks(Asking& ask, TokenSpan argument)
{
    const Features& f = ask.features;
    if (!f.spam_friend && !f.spam_hater)
        return false;
    Mailbox box = ask.canonifier.parse(argument);
    box.strip_trailing_dots();
    if (!box.has_domain) {
        box.has_domain = true;
        box.domain.assign(ask.site.domain_tokens.begin(),
                          ask.site.domain_tokens.end());
    }
    const auto full = ask.joined_key(box.local, "@", box.domain);
    const auto user = ask.joined_key(box.local, "@", {});
    if (box.local.empty())
        return f.spam_hater;
    const bool local = ask.site.local.has(box.domain, ask.memory);
    const auto found =
        local ? ask.search({{Lookup::full, full},
                            {Lookup::domain, box.domain},
                            {Lookup::user, user}},
                           "Spam", Mark::tagged_only)
              : ask.search({{Lookup::full, full}, {Lookup::domain, box.domain}},
                           "Spam", Mark::tagged_only);
    return f.spam_friend ? found.is("FRIEND") : !found.is("HATER");
}

}  // namespace policy::relay
