// check_relay: what is asked about the client alone.
#include <cstdlib>

#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

const Reply access_denied{550, "5.7.1", "Access denied"};

/// A value for the client, with what stands behind it: the address behind
/// that of the name, nothing behind its own.
Outcome act_on(Asking& ask, const Found& found, TokenSpan behind)
{
    if (found.state == Found::State::failed)
        return ask.map_failed("Connect");
    Tokens rest{{"<"}, ask.memory};
    rest.insert(rest.end(), behind.begin(), behind.end());
    rest.push_back(">");
    return ask.act(found, "Connect", rest, true, access_denied);
}

/// Asks for the client's name and its parents, then for its address.
Outcome check_access(Asking& ask)
{
    const auto addr = ask.client_addr();
    if (addr.empty())
        return {};
    const auto name =
        ask.features.use_client_ptr ? ask.client_ptr() : ask.client_name();
    if (!name.empty()) {
        const auto found =
            ask.find(Lookup::domain, name, "Connect", Mark::bare_too);
        if (found.state != Found::State::nothing)
            return act_on(ask, found, addr);
    }
    const auto found =
        ask.find(Lookup::address, addr, "Connect", Mark::bare_too);
    if (found.state == Found::State::nothing)
        return {};
    return act_on(ask, found, {});
}

/// ClientRate and ClientConn: how many are allowed; nothing for no limit.
struct Limit {
    Token tag;
    unsigned actual;
    bool terminate;
    const char* text;
};

Outcome check_limit(Asking& ask, const Limit& limit)
{
    const Reply over{limit.terminate ? 421 : 452, "4.3.2", limit.text};
    // without an address sendmail finds its own marks, whose number is 0
    if (ask.client_addr().empty())
        return limit.actual > 0 ? ask.refuse(over, ask.rule("no address"))
                                : Outcome{};
    const TokenSpan nothing;
    const auto found = ask.search(
        {{Lookup::address, ask.client_addr()}, {Lookup::exact, nothing}},
        limit.tag, Mark::tagged_only);
    if (found.state == Found::State::failed)
        return ask.map_failed(limit.tag);
    if (found.state == Found::State::nothing || found.is("0"))
        return {};
    const long allowed = std::strtol(joined(found.value).c_str(), nullptr, 10);
    if (allowed >= static_cast<long>(limit.actual))
        return {};
    return ask.refuse(over, ask.access_why(found, limit.tag));
}

Outcome check_rate(Asking& ask)
{
    return check_limit(
        ask, {"ClientRate", ask.client.rate, ask.features.rate_terminate,
              "Connection rate limit exceeded."});
}

Outcome check_connections(Asking& ask)
{
    return check_limit(
        ask, {"ClientConn", ask.client.connections, ask.features.conn_terminate,
              "Too many open connections."});
}

/// The first refusal of the two limits that are asked now.
Outcome check_limits(Asking& ask, bool rate, bool connections)
{
    if (rate)
        if (auto refused = check_rate(ask); refused.ends())
            return refused;
    return connections ? check_connections(ask) : Outcome{};
}

Outcome check_reverse_dns(Asking& ask)
{
    if (ask.site.relay_domains.has_start_of(ask.client_addr(), ask.memory))
        return {};
    const auto why = ask.rule("require_rdns", ask.client_addr_text());
    const std::string addr =
        ask.client_addr().empty() ? "" : " " + joined(ask.client_addr());
    switch (ask.client.resolve) {
        case Resolve::ok:
            break;
        case Resolve::fail:
            return ask.refuse({550, "5.7.1", "Fix reverse DNS for" + addr},
                              why);
        case Resolve::temp:
            return ask.refuse(
                {451, "4.1.8",
                 "Client IP address" + addr + " does not resolve"},
                why);
        case Resolve::forged:
            return ask.refuse(
                {451, "4.1.8", "Possibly forged hostname for" + addr}, why);
    }
    return {};
}

}  // namespace

Outcome connect_now(Asking& ask)
{
    const Features& f = ask.features;
    if (!f.delay_checks)
        return check_relay(ask);
    return check_limits(ask, f.rate_immediate, f.conn_immediate);
}

Outcome check_relay(Asking& ask)
{
    const Features& f = ask.features;
    if (f.access_db) {
        auto outcome = check_access(ask);
        if (outcome.kind == Outcome::Kind::final_ok)
            outcome.kind = Outcome::Kind::open;  // accepted, but not for good
        if (outcome.kind != Outcome::Kind::open || !outcome.why.rule.empty())
            return outcome;
    }
    auto limited = check_limits(ask, f.rate_control && !f.rate_immediate,
                                f.conn_control && !f.conn_immediate);
    if (limited.ends() || !f.require_rdns)
        return limited;
    return check_reverse_dns(ask);
}

}  // namespace policy::relay
