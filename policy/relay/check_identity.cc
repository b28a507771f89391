// check_rcpt: clients that may relay to anybody by who they are.
#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;

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

}  // namespace

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

}  // namespace policy::relay
