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

/// What To: says of a recipient, whether or not we relay to it.
Found find_refusal(Asking& ask, const Mailbox& box)
{
    const auto look_up = [&](std::initializer_list<map::Wanted> list) {
        return ask.search(list, "To", Mark::bare_too);
    };
    // without a local part all of `< @ domain >` counts as the user
    if (!box.has_domain || box.local.empty())
        return look_up(
            {{Lookup::user, ask.joined_key(box.in_one_row(), "@", {})}});
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
    Tokens rest = box.in_one_row();
    rest.insert(rest.begin(), "<");
    rest.push_back(">");
    return ask.act(found, "To", rest, false, mailbox_disabled);
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
