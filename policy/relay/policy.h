// The relay decision: check_relay, check_mail and check_rcpt as sendmail's
// own rulesets make it from access.db, relay-domains, local-host-names, SMTP
// AUTH, TLS and POP-before-SMTP.  Source: cf/README, ANTI-SPAM CONFIGURATION
// CONTROL; proto.m4.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/decision.h"
#include "policy/map/map.h"
#include "policy/relayers/store.h"

namespace policy::relay {

/// ${client_resolve}: how the client's name was found.
enum class Resolve { ok, fail, forged, temp };

/// Its word: "OK", "FAIL", "FORGED" or "TEMP"; and what a word means.
const char* name_of(Resolve resolve);
std::optional<Resolve> resolve_of(std::string_view word);

/// Answer of DNS about a name.
enum class NameStatus { ok, permanent, temporary };

/// Everything known of the SMTP client when a command is judged.
struct Client {
    ClientAddr addr;
    std::string name;  ///< PTR name, or empty
    Resolve resolve = Resolve::fail;
    std::string helo;
    std::string auth_type;      ///< ${auth_type}: "PLAIN"; empty: not logged in
    std::string auth_authen;    ///< ${auth_authen}
    std::string tls_verify;     ///< ${verify}
    std::string cert_issuer;    ///< ${cert_issuer}
    std::string cert_subject;   ///< ${cert_subject}
    std::string cn_subject{};   ///< ${cn_subject}
    std::string cipher_bits{};  ///< ${cipher_bits}: of TLS, "256"
    std::string auth_ssf{};     ///< ${auth_ssf}: of SASL
    std::string daemon_flags{};  ///< ${daemon_flags}: "u", "f"
    unsigned rate = 0;           ///< ${client_rate}
    unsigned connections = 0;    ///< ${client_connections}
};

/// The classes and FEATUREs of the .mc file, and where the maps are.
struct Settings {
    std::string domain;       ///< $j
    std::string host_domain;  ///< $m and class m; empty: all of $j behind
                              ///< its first dot
    /// UseCompressedIPv6Addresses: ${client_addr} is `IPv6:2001:db8::1`.
    bool compressed_ipv6 = false;
    std::set<std::string, std::less<>> local_host_names;  ///< class w, folded
    std::vector<std::string> relay_domains;               ///< class R, folded
    std::string local_names_file{};    ///< of class w, for Why::source
    std::string relay_domains_file{};  ///< of class R, for Why::source
    std::set<std::string, std::less<>> trust_auth_mech;  ///< upper case
    /// FEATUREs by name and argument: "delay_checks:friend", "access_db",
    /// "blocklist_recipients", ... as in the .mc file.
    std::set<std::string, std::less<>> features;
};

/// What the policy asks of the world.  All may be called from any thread.
struct World {
    std::shared_ptr<map::Source> access;        ///< null: no access_db
    std::shared_ptr<relayers::Store> relayers;  ///< null: no POP-before-SMTP
    std::function<NameStatus(std::string_view)> resolve;  ///< sender domains
    Clock clock = system_now;
    std::chrono::seconds window{1800};
    /// Name that DNS has for a name, such as the target of a CNAME, without a
    /// dot at the end; empty if there is none.  Null: names stay as they are.
    std::function<std::string(std::string_view)> canonical{};
    /// relayers.db as a plain map, for features relayers_auth, relayers_rcpt
    /// and drac: an entry counts as long as it is there.
    std::shared_ptr<map::Source> relayers_map{};
    /// Fills Decision::trace with every lookup; costs time.
    bool trace = false;
    /// Takes every key of access.db that is asked for; one thread only.
    std::vector<std::string>* probes = nullptr;
};

/// Thread rule: const after construction, any number of threads may ask.
class Policy {
public:
    /// An error names the unknown FEATURE.
    static Result<std::shared_ptr<const Policy>> make(Settings settings,
                                                      World world);
    virtual ~Policy() = default;

    /// check_relay, at the connection.
    virtual Decision connect(const Client& client) const = 0;
    /// check_mail; `mail` as the client wrote it, with angle brackets.
    virtual Decision mail(const Client& client,
                          std::string_view mail) const = 0;
    /// check_rcpt; with delay_checks also the two before it.
    virtual Decision rcpt(const Client& client, std::string_view mail,
                          std::string_view rcpt) const = 0;
};

}  // namespace policy::relay
