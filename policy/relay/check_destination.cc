// check_rcpt: recipients that may be relayed to, whoever sends.
#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

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

/// Refused for both signs: `< REMOTE > < REMOTE > user`.  What is searched for
/// as one address ends before the first `> <`.
bool is_remote_twice(TokenSpan local)
{
    return local.size() > 3 && local[0] == "<" && local[2] == ">" &&
           local[3] == "<";
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
    if (!f.relay_hosts_only && is_remote_twice(box.local))
        return ask.find(Lookup::full, TokenSpan{box.local}.first(2), "To",
                        Mark::bare_too);
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

}  // namespace

void refuse_paths(const Asking& ask, Mailbox& box)
{
    const Features& f = ask.features;
    if (!f.uucp_reject && !f.percent_reject)
        return;
    Tokens row = box.in_one_row();
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

}  // namespace policy::relay
