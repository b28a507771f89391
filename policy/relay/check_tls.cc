// tls_client: the TLS that access.db requires of a client (TLS_Clt:).
// Source: cf/README, section STARTTLS; proto.m4, TLS_connection.
#include <array>
#include <cstdlib>
#include <initializer_list>

#include "policy/relay/asking.h"

namespace policy::relay {
namespace {

using map::Found;
using map::Lookup;
using map::Mark;

/// What a TLS_Clt: value asks for.
struct Requirement {
    bool given = false;   ///< else nothing is asked for
    bool verify = false;  ///< a certificate that was verified
    TokenSpan bits;       ///< of encryption; empty where no number is given
    TokenSpan extras;     ///< CN:..., ++CS:..., ...
    Token code = "454";
    std::string dsn = "4.7.0";
};

bool is_tls_word(Token t)
{
    return same(t, "VERIFY") || same(t, "ENCR");
}

/// [PERM+|TEMP+](VERIFY[:bits]|ENCR:bits)[+extras]
Requirement requirement_of(TokenSpan value)
{
    Requirement r;
    if (value.size() > 2 && value[1] == "+" && is_tls_word(value[2]) &&
        (same(value[0], "PERM") || same(value[0], "TEMP"))) {
        const bool permanent = same(value[0], "PERM");
        r.code = permanent ? "503" : "403";
        r.dsn = permanent ? "5.7.0" : "4.7.0";
        value = value.subspan(2);
    }
    if (value.empty() || !is_tls_word(value[0])) {
        // taken for code:dsn, which a failed handshake answers with
        if (value.size() > 2 && value[1] == ":") {
            r.code = value[0];
            r.dsn = joined(value.subspan(2));
        }
        return r;
    }
    r.verify = same(value[0], "VERIFY");
    const bool bits = value.size() > 2 && value[1] == ":";
    if (bits)
        r.bits = value.subspan(2, 1);
    value = value.subspan(bits ? 3 : 1);
    if (value.size() > 1 && value[0] == "+")
        r.extras = value.subspan(1);
    r.given = bits || (r.verify && (value.empty() || !r.extras.empty()));
    return r;
}

bool is_verified(Token verify)
{
    return same(verify, "OK") || same(verify, "TRUSTED");
}

Outcome refuse(Asking& ask, const Requirement& r, const std::string& text,
               Why why)
{
    const std::string whole = std::string{r.code} + " " + text;
    return ask.refuse(map::error_reply(r.dsn, std::string_view{whole}),
                      std::move(why));
}

/// A handshake that failed, whatever is required.
const char* handshake_failure(Token verify)
{
    struct Failure {
        Token verify;
        const char* text;
    };
    constexpr std::array<Failure, 4> failures{
        {{"SOFTWARE", "TLS handshake failed."},
         {"PROTOCOL", "STARTTLS failed."},
         {"DANE_FAIL", "DANE check failed."},
         {"CONFIG", "STARTTLS temporarily not possible."}}};
    for (const auto& f : failures)
        if (same(verify, f.verify))
            return f.text;
    return nullptr;
}

/// Why a certificate that is required did not count.  For a word it does not
/// know, sendmail shows the extras and not the word.
std::string not_verified(Token verify, TokenSpan extras)
{
    struct Word {
        Token verify;
        const char* text;
    };
    constexpr std::array<Word, 6> words{
        {{"", "authentication required"},
         {"FAIL", "authentication failed"},
         {"NO", "not authenticated"},
         {"NOT", "no authentication requested"},
         {"NONE", "other side does not support STARTTLS"},
         {"CLEAR", "STARTTLS disabled locally"}}};
    for (const auto& w : words)
        if (same(verify, w.verify))
            return w.text;
    return "authentication failure " + joined(extras);
}

/// The bits of the connection, TLS or SASL, as text; the more of the two.
std::string actual_bits(const Client& client)
{
    const std::string& tls = client.cipher_bits;
    const std::string& sasl = client.auth_ssf;
    if (tls.empty() || sasl.empty())
        return tls.empty() && sasl.empty() ? "0" : tls + sasl;
    const bool sasl_more = std::strtol(tls.c_str(), nullptr, 10) <
                           std::strtol(sasl.c_str(), nullptr, 10);
    return sasl_more ? sasl : tls;
}

/// One of the extras: a value that must equal one of the client's.
struct Extra {
    Token name;
    const std::string* actual;
    const char* words;
};

/// CN:x, CS:x or CI:x; CN alone means the client's name; CITag:x asks
/// access.db for x:issuer.
Outcome check_extra(Asking& ask, const Requirement& r, TokenSpan extra,
                    const Why& why)
{
    const Client& c = ask.client;
    const std::array<Extra, 3> kinds{{{"CN", &c.cn_subject, "CN "},
                                      {"CS", &c.cert_subject, "Cert Subject "},
                                      {"CI", &c.cert_issuer, "Cert Issuer "}}};
    const auto issuer = ask.tokens(c.cert_issuer);
    if (extra.size() == 3 && same(extra[0], "CITag") && extra[1] == ":") {
        if (ask.one(extra[2], issuer).is("OK"))
            return {};
        return refuse(ask, r,
                      "Cert Issuer " + joined(issuer) + " not acceptable", why);
    }
    for (const auto& kind : kinds) {
        if (extra.empty() || !same(extra[0], kind.name))
            continue;
        const bool own_name = extra.size() == 1 && same(kind.name, "CN");
        const auto want =
            own_name ? ask.client_name()
                     : extra.subspan(std::min<std::size_t>(2, extra.size()));
        if (same(joined(want, '\0'), *kind.actual))
            return {};
        return refuse(
            ask, r,
            kind.words + *kind.actual + " does not match " + joined(want), why);
    }
    return {};
}

Outcome check_extras(Asking& ask, const Requirement& r, const Why& why)
{
    TokenSpan rest = r.extras;
    while (!rest.empty()) {
        std::size_t end = 0;
        while (end < rest.size() &&
               !(rest[end] == "+" && end + 1 < rest.size() &&
                 rest[end + 1] == "+"))
            ++end;
        if (auto bad = check_extra(ask, r, rest.first(end), why); bad.ends())
            return bad;
        rest = rest.subspan(std::min(end + 2, rest.size()));
    }
    return {};
}

Outcome check_strength(Asking& ask, const Requirement& r, const Why& why)
{
    const std::string required = r.bits.empty() ? "0" : joined(r.bits);
    const std::string actual = actual_bits(ask.client);
    if (std::strtol(actual.c_str(), nullptr, 10) <
        std::strtol(required.c_str(), nullptr, 10))
        return refuse(
            ask, r, "encryption too weak " + actual + " less than " + required,
            why);
    return check_extras(ask, r, why);
}

Outcome check_requirement(Asking& ask, TokenSpan value, const Why& why)
{
    const Client& c = ask.client;
    const auto r = requirement_of(value);
    if (const char* failure = handshake_failure(c.tls_verify))
        return refuse(ask, r, failure, why);
    if (!r.given)
        return {};
    if (r.verify && !is_verified(c.tls_verify))
        return refuse(ask, r, not_verified(c.tls_verify, r.extras), why);
    if (r.verify && r.bits.empty() && r.extras.empty())
        return {};
    return check_strength(ask, r, why);
}

/// The requirement for a client: by name, by address, or for all.
Found find_requirement(Asking& ask)
{
    constexpr Token tag = "TLS_Clt";
    auto found =
        ask.find(Lookup::domain, ask.client_name(), tag, Mark::tagged_only);
    if (found.state != Found::State::nothing || ask.client_addr().empty())
        return found;
    found =
        ask.find(Lookup::address, ask.client_addr(), tag, Mark::tagged_only);
    return found.state == Found::State::nothing ? ask.one(tag, {}) : found;
}

}  // namespace

Outcome check_tls(Asking& ask)
{
    if (!ask.features.access_db)
        return check_requirement(ask, {}, ask.rule("STARTTLS"));
    const auto found = find_requirement(ask);
    if (found.state == Found::State::failed)
        return ask.map_failed("TLS_Clt");
    return check_requirement(ask, found.value,
                             ask.access_why(found, "TLS_Clt"));
}

}  // namespace policy::relay
