// One question to the policy while it is being answered: the client, the
// maps as they are now, and what has been asked on the way.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.h"
#include "policy/map/access.h"
#include "policy/map/access_value.h"
#include "policy/relay/mailbox.h"
#include "policy/relay/policy.h"
#include "policy/relay/site.h"

namespace policy::relay {

/// What a ruleset says.
struct Outcome {
    enum class Kind {
        open,        ///< nothing against it; others may still refuse
        relay,       ///< the client may relay, the recipient is fine
        final_ok,    ///< accepted, and no other ruleset is asked ($# OK)
        temporary,   ///< cannot tell now; another rule may yet allow it
        refused,     ///< reply
        discard,     ///< reply is 250
        quarantine,  ///< reply.text is the reason
    };
    Kind kind = Kind::open;
    Reply reply{};
    Why why{};

    /// Whether it ends the questions ($#).
    bool ends() const { return kind != Kind::open && kind != Kind::relay; }
};

/// Everything a ruleset needs.  Lives on the stack of one call; what it hands
/// out lives as long as it does.
class Asking {
public:
    /// @param mail    argument of MAIL; empty before it
    /// @param trace   takes every lookup and its answer; may be null
    /// @param probes  takes every key of access.db asked for; may be null
    Asking(const Site& site, const World& world, const Client& client,
           std::string_view mail, Memory* memory, std::vector<Why>* trace,
           map::Probes* probes);

    const Site& site;
    const Features& features;
    const World& world;
    const Client& client;
    Memory* const memory;
    const Canonifier canonifier;

    /// ${client_addr}, empty for none.
    TokenSpan client_addr() const { return addr_; }
    /// ${client_name}: `[addr]` unless the name resolves both ways.
    TokenSpan client_name() const { return name_; }
    /// ${client_ptr}: the name whether or not it resolves back.
    TokenSpan client_ptr() const
    {
        return client.resolve == Resolve::forged ? ptr_ : name_;
    }
    const std::string& client_addr_text() const { return addr_text_; }
    /// ${f}: the sender in canonical form, which few rules ask for.
    const std::string& sender();

    map::Found find(map::Lookup lookup, TokenSpan key, Token tag,
                    map::Mark mark);
    map::Found search(std::initializer_list<map::Wanted> list, Token tag,
                      map::Mark mark);
    /// `tag:key` as it is; with an empty tag `key`.
    map::Found one(Token tag, TokenSpan key);

    /// Value of a key in the plain relayers map; empty if there is none.
    Result<Tokens> relayers_value(std::string_view key);

    /// Where a lookup in access.db was decided.
    Why access_why(const map::Found& found, Token tag) const;
    /// A rule that asks no map.
    Why rule(std::string name, std::string key = {},
             std::string value = {}) const;
    /// A member of class w, or R.
    Why local_rule(std::string member) const;
    Why relay_domains_rule(std::string member) const;

    Outcome relay(Why why) const
    {
        return {Outcome::Kind::relay, {}, std::move(why)};
    }
    Outcome refuse(Reply reply, Why why) const
    {
        return {Outcome::Kind::refused, std::move(reply), std::move(why)};
    }
    /// access.db could not be read.
    Outcome map_failed(Token tag) const;
    /// An action from access.db.  OK and RELAY give kind final_ok.
    /// @param reject  the reply that REJECT has at this stage
    Outcome act(const map::Found& found, Token tag, TokenSpan rest,
                bool delimited, Reply reject) const;
    /// Refuses by an entry whose value expands to nothing (`%1`): sendmail's
    /// rules then take the rest of their workspace for the text of a reply,
    /// which is the address for its key, and `domain_rest` for a domain.
    Outcome act_on_nothing(const map::Found& found, Token tag, TokenSpan local,
                           TokenSpan domain, std::string domain_rest) const;

    /// Tokens of an address in angle brackets or not, and its parts joined.
    Tokens tokens(std::string_view text) const;
    Tokens joined_key(TokenSpan a, Token between, TokenSpan b) const;

private:
    void note(const map::Found& found, Token tag,
              std::initializer_list<map::Wanted> asked);

    std::shared_ptr<const map::Snapshot> snapshot_;
    std::string cause_;  ///< why access.db cannot be read
    map::Access access_;
    std::vector<Why>* trace_;
    std::string addr_text_;
    std::string_view mail_;
    std::optional<std::string> sender_;
    Tokens addr_, name_;
    Tokens ptr_;  ///< of a forged name
};

/// check_relay: whether the client may connect.  With delay_checks it is asked
/// at RCPT; connect_now() is what is left for the connection.
Outcome check_relay(Asking& ask);
Outcome connect_now(Asking& ask);

/// tls_client: whether the TLS of the connection is what access.db requires.
Outcome check_tls(Asking& ask);

/// check_mail.  @param argument  of MAIL, with angle brackets
Outcome check_mail(Asking& ask, TokenSpan argument);

/// check_rcpt alone, without what delay_checks puts behind it.
Outcome check_rcpt(Asking& ask, TokenSpan argument);

/// POP-before-SMTP through the plain map: any value but NO.
Outcome check_relayers_map(Asking& ask, const char* rule);

/// POP-before-SMTP through the store of grants, with its window.
Outcome check_grant(Asking& ask);

/// Clients that may relay to anybody by who they are: certificate, a login
/// in the plain map, SMTP AUTH.
Outcome check_identity(Asking& ask);

/// nouucp and nopercenthack with `reject`: such a path is never local.
void refuse_paths(const Asking& ask, Mailbox& box);

/// Recipients of this host, and of domains that it relays to.
Outcome check_destination(Asking& ask, const Mailbox& box);

/// Rcpt_ok and Relay_ok, the two halves of check_rcpt: recipient and client.
Outcome recipient_ok(Asking& ask, TokenSpan argument);
Outcome relay_ok(Asking& ask);

/// Whether a recipient is a spam friend, or no spam hater (delay_checks with
/// an argument): then what follows check_rcpt is not asked.
bool spared_from_checks(Asking& ask, TokenSpan argument);

}  // namespace policy::relay
