// check_mail: what is asked about the sender.
#include <algorithm>

#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

const Reply access_denied{550, "5.7.1", "Access denied"};

/// The address between its angle brackets, if it has them.
TokenSpan without_brackets(TokenSpan argument)
{
    const auto n = argument.size();
    return n > 2 && argument.front() == "<" && argument.back() == ">"
               ? argument.subspan(1, n - 2)
               : argument;
}

/// user@localhost and the like, which only a client of this host may use.
bool claims_localhost(const Asking& ask, TokenSpan address)
{
    const auto& claims = ask.site.localhost_claims;
    return std::any_of(claims.begin(), claims.end(), [address](TokenSpan end) {
        return ends_with(address, end);
    });
}

/// Letters among the daemon's modifiers, as `u` in ${daemon_flags}.
bool has_flag(const Asking& ask, Token flag)
{
    const auto& flags = ask.client.daemon_flags;
    return !flags.empty() && find(ask.tokens(flags), flag) != npos;
}

/// "Real domain name required": a name that means this host, from outside.
Outcome check_real_domain(Asking& ask, TokenSpan argument)
{
    if (ask.features.accept_unqualified_senders)
        return {};
    const auto address = without_brackets(argument);
    const auto n = address.size();
    const bool bare_host =
        has_flag(ask, "f") && n >= 2 && address[n - 2] == "@";
    const bool any_local =
        !has_flag(ask, "u") && claims_localhost(ask, address);
    if ((!bare_host && !any_local) || ask.client_name().empty() ||
        ask.site.local.has(ask.client_name(), ask.memory))
        return {};
    return ask.refuse(
        {553, "5.5.4", "Real domain name required for sender address"},
        ask.rule("real domain", joined(address)));
}

/// The sender's parts.  Where only qualified ones are accepted, sendmail
/// writes the brackets that are missing, and takes `<?>` for a mark of its own
/// and loses it.  No address at all is the user `<@>`.
Mailbox sender_box(Asking& ask, TokenSpan argument)
{
    const bool as_it_is = ask.features.accept_unqualified_senders;
    const auto address = without_brackets(argument);
    Tokens whole{{"<"}, ask.memory};
    whole.insert(whole.end(), address.begin(), address.end());
    whole.push_back(">");
    Mailbox box = ask.canonifier.parse(as_it_is ? argument : TokenSpan{whole});
    const bool lost = !as_it_is && address.size() == 1 && address[0] == "?" &&
                      !has_flag(ask, "u");
    if (lost || (!box.error && box.has_domain && box.local.empty() &&
                 box.domain.empty())) {
        box.local = {{"<", "@", ">"}, ask.memory};
        box.has_domain = false;
    }
    return box;
}

/// What DNS says of the sender's domain; nothing for a sender without one.
enum class DomainMark { none, ok, permanent, temporary };

DomainMark mark_of(Asking& ask, const Mailbox& box)
{
    if (!box.has_domain || box.domain.empty())
        return DomainMark::none;
    if (ask.features.accept_unresolvable_domains || !ask.world.resolve ||
        same(box.domain, ask.site.domain_tokens))
        return DomainMark::ok;
    switch (ask.world.resolve(without_quotes(joined(box.domain)))) {
        case NameStatus::ok:
            return DomainMark::ok;
        case NameStatus::permanent:
            return DomainMark::permanent;
        case NameStatus::temporary:
            break;
    }
    return DomainMark::temporary;
}

Found find_sender(Asking& ask, const Mailbox& box)
{
    const auto user = ask.joined_key(box.local, "@", {});
    if (!box.has_domain)
        return ask.search({{Lookup::user, user}}, "From", Mark::bare_too);
    const auto full = ask.joined_key(box.local, "@", box.domain);
    return ask.search({{Lookup::full, full},
                       {Lookup::user, user},
                       {Lookup::domain, box.domain}},
                      "From", Mark::bare_too);
}

/// The words of `before`, the sender and the words behind it, as one reply.
Reply about_sender(Asking& ask, std::string_view dsn, std::string_view before,
                   std::string_view behind = {})
{
    Tokens text{{before}, ask.memory};
    const auto f = ask.tokens(ask.sender());
    text.insert(text.end(), f.begin(), f.end());
    if (!behind.empty())
        text.push_back(behind);
    return map::error_reply(dsn, text);
}

Outcome check_unqualified(Asking& ask)
{
    if (ask.features.accept_unqualified_senders || has_flag(ask, "u") ||
        ask.client_addr().empty())
        return {};
    return ask.refuse(
        about_sender(ask, "5.5.4",
                     "\"553 Domain name required for sender address \""),
        ask.rule("unqualified sender", ask.sender()));
}

/// @param why  makes the reason, which only a refusal needs
template <class Reason>
Outcome check_domain(Asking& ask, DomainMark mark, Reason why)
{
    constexpr std::string_view domain = "\"451 Domain of sender address \"";
    constexpr std::string_view no_domain = "\"553 Domain of sender address \"";
    switch (mark) {
        case DomainMark::none:
            return check_unqualified(ask);
        case DomainMark::ok:
            return {};
        case DomainMark::temporary:
            return ask.refuse(
                about_sender(ask, "4.1.8", domain, "\" does not resolve\""),
                why());
        case DomainMark::permanent:
            break;
    }
    return ask.refuse(
        about_sender(ask, "5.1.8", no_domain, "\" does not exist\""), why());
}

/// A From: value.  TEMP, PERM and OKR are the words that sendmail itself uses
/// for what DNS says, so as values they mean the same.
Outcome act_on_value(Asking& ask, const Found& found, const Mailbox& box)
{
    const auto why = [&] { return ask.access_why(found, "From"); };
    if (found.value.empty())
        return ask.act_on_nothing(
            found, "From", box.local, box.domain,
            ">" + joined(box.local) + "<@" + joined(box.domain));
    if (found.is("OKR"))
        return {};
    if (found.is("TEMP"))
        return check_domain(ask, DomainMark::temporary, why);
    if (found.is("PERM"))
        return check_domain(ask, DomainMark::permanent, why);
    if (found.value[0] == "?" && !ask.features.accept_unqualified_senders)
        return check_unqualified(ask);
    return ask.act(found, "From", box.in_one_row(), false, access_denied);
}

}  // namespace

Outcome check_mail(Asking& ask, TokenSpan argument)
{
    if (auto refused = check_tls(ask); refused.ends())
        return refused;
    if (argument.empty() ||
        (argument.size() == 2 && argument[0] == "<" && argument[1] == ">"))
        return {};
    if (auto refused = check_real_domain(ask, argument); refused.ends())
        return refused;
    Mailbox box = sender_box(ask, argument);
    if (box.error)
        return ask.refuse(
            map::error_reply(box.error->dsn, std::string_view{box.error->text}),
            ask.rule("syntax", joined(argument)));
    box.strip_trailing_dots();
    const auto mark = mark_of(ask, box);
    Found found;
    if (ask.features.access_db)
        found = find_sender(ask, box);
    if (found.state == Found::State::failed)
        return ask.map_failed("From");
    if (found.state == Found::State::value)
        return act_on_value(ask, found, box);
    return check_domain(ask, mark,
                        [&] { return ask.rule("DNS", joined(box.domain)); });
}

}  // namespace policy::relay
