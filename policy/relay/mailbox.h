// Envelope addresses in the form in which the rulesets judge them: routes,
// %-hacks and UUCP paths turned into local part and domain, local domains
// peeled off.
#pragma once

#include <functional>
#include <string_view>

#include "policy/relay/site.h"
#include "policy/tokens.h"

namespace policy::relay {

/// Why an address is refused for its form alone.
struct SyntaxError {
    const char* dsn;
    const char* text;
};

/// `local < @ domain >`, or only `local`.
struct Mailbox {
    explicit Mailbox(Memory* memory) : local{memory}, domain{memory} {}

    Tokens local;
    Tokens domain;  ///< may be empty although it is there: `list:;`
    bool has_domain = false;
    const SyntaxError* error = nullptr;

    /// Whether there is a local part and a domain of at least one token.
    bool is_full() const
    {
        return has_domain && !local.empty() && !domain.empty();
    }
    void strip_trailing_dots();
    /// `local < @ domain >` as one row of tokens.
    Tokens in_one_row() const;
};

/// Turns addresses into Mailboxes.  Pure but for `canonical`.  For one thread.
class Canonifier {
public:
    /// @param canonical  the name that DNS has for a name, without a dot at
    ///                   the end; empty if it has none.  Null: names stay.
    /// @param flags      ${daemon_flags}: with `CC` DNS is not asked, with `c`
    ///                   it is in spite of nocanonify
    Canonifier(const Site& site,
               const std::function<std::string(std::string_view)>* canonical,
               std::string_view flags, Memory* memory);

    /// Ruleset canonify (3, 96): the form only.  A local domain, and a domain
    /// written so, ends in a dot.
    Mailbox canonify(TokenSpan address) const;

    /// Ruleset CanonAddr: the same, refused if malformed, and without what is
    /// local: user@here becomes user if user holds another host.
    Mailbox parse(TokenSpan address) const;

    /// Ruleset final (4): an address as ${f} has it, in text.
    std::string external(Mailbox mailbox) const;

    /// A quoted token without its quotes; the token itself if it cannot be.
    Tokens dequoted(Token token) const;

    /// Whether a local part has an @, or a % or ! that means a host.
    bool names_a_host(TokenSpan local) const;

private:
    Mailbox focus(TokenSpan address) const;
    Mailbox focus_uucp(TokenSpan address) const;
    Mailbox focus_percent(TokenSpan address) const;
    Mailbox split(TokenSpan address, std::size_t local_end,
                  std::size_t domain_start) const;
    void settle_domain(Mailbox& mailbox) const;
    bool is_localhost(TokenSpan domain) const;
    void make_local(Mailbox& mailbox) const;
    void ask_dns(Tokens& domain) const;
    bool name_in_dns(Tokens& host) const;
    bool settle_uucp(Tokens& domain) const;
    bool is_host_token(Token token) const;
    const SyntaxError* malformed(const Mailbox& mailbox) const;
    bool comma_before_word(const Mailbox& mailbox) const;
    bool is_here(const Mailbox& mailbox) const;
    Mailbox peeled(Mailbox mailbox, int depth) const;
    Mailbox parse_at(TokenSpan address, int depth) const;
    void drop_double_local(Mailbox& mailbox) const;

    const Site& site_;
    const std::function<std::string(std::string_view)>* canonical_;
    bool asks_dns_;
    Memory* memory_;
};

}  // namespace policy::relay
