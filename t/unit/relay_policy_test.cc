// The relay decision as it is documented: one row a statement of cf/README or
// of what sendmail 8.17.1 was seen to do.
#include "policy/relay/policy.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "policy/map/text.h"

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::relay;

namespace {

/// A host mx.example.org with local domains example.org and [192.0.2.66],
/// relaying for example.net and 203.0.113.
struct Row {
    const char* about;
    const char* features;  ///< besides access_db, separated by blanks
    const char* access;
    const char* client;  ///< address, name or -, OK FAIL FORGED TEMP, user or -
    const char* mail;
    const char* rcpt;
    const char* want;  ///< "stage code enhanced text", or "stage verdict"
};
std::ostream& operator<<(std::ostream& os, const Row& r)
{
    return os << r.about;
}

const char* const outside = "198.51.100.7 mail.remote.example OK -";
const char* const denied = "rcpt 550 5.7.1 Relaying denied";
const char* const relays = "rcpt accept relay";
const char* const no_name =
    "rcpt 550 5.7.1 Relaying denied. IP name lookup failed [198.51.100.7]";

const Row rows[] = {
    // who is a recipient of ours
    {"local domain", "", "", outside, "<a@b.example>", "<u@example.org>",
     relays},
    {"local domain in any case", "", "", outside, "<a@b.example>",
     "<u@EXAMPLE.Org>", relays},
    {"another host of it is not local", "", "", outside, "<a@b.example>",
     "<u@sub.example.org>", denied},
    {"relay-domains covers subdomains", "", "", outside, "<a@b.example>",
     "<u@a.example.net>", relays},
    {"relay-domains matches at labels", "", "", outside, "<a@b.example>",
     "<u@xexample.net>", denied},
    {"relay_hosts_only: no subdomain", "relay_hosts_only", "", outside,
     "<a@b.example>", "<u@a.example.net>", denied},
    {"relay_hosts_only: itself", "relay_hosts_only", "", outside,
     "<a@b.example>", "<u@example.net>", relays},
    {"relay_entire_domain", "relay_entire_domain", "", outside, "<a@b.example>",
     "<u@sub.example.org>", relays},
    {"unqualified", "", "", outside, "<a@b.example>", "<u>", relays},
    {"this host by literal", "", "", outside, "<a@b.example>",
     "<u@[192.0.2.66]>", relays},
    {"anybody else", "", "", outside, "<a@b.example>", "<u@far.example>",
     denied},
    {"promiscuous_relay", "promiscuous_relay", "", outside, "<a@b.example>",
     "<u@far.example>", relays},
    {"no recipient", "", "", outside, "<a@b.example>", "<>",
     "rcpt 553 5.0.0 User address required"},
    // paths through us
    {"user%host here", "", "", outside, "<a@b.example>",
     "<u%far.example@example.org>", denied},
    {"host!user here", "", "", outside, "<a@b.example>",
     "<far.example!u@example.org>", denied},
    {"a quoted host here", "", "", outside, "<a@b.example>",
     "<\"u@far.example\"@example.org>", denied},
    {"user%host at a relayed domain", "", "", outside, "<a@b.example>",
     "<u%far.example@example.net>", denied},
    {"loose_relay_check looks no further", "loose_relay_check", "", outside,
     "<a@b.example>", "<u%far.example@example.net>", relays},
    {"route to far away", "", "", outside, "<a@b.example>",
     "<@example.org:u@far.example>", denied},
    {"route to us", "", "", outside, "<a@b.example>",
     "<@far.example:u@example.org>", relays},
    {"nopercenthack reject", "nopercenthack:reject", "", outside,
     "<a@b.example>", "<u%x@example.org>", denied},
    {"nopercenthack nospecial", "nopercenthack:nospecial", "", outside,
     "<a@b.example>", "<u%x@example.org>", relays},
    {"nouucp reject", "nouucp:reject", "", outside, "<a@b.example>",
     "<x!u@example.org>", denied},
    {"a path that leads to itself ends", "", "", outside, "<a@b.example>",
     "<!@example.org>",
     "rcpt 554 5.0.0 rewrite: excessive recursion (max 50), ruleset "
     "Canonify2"},
    {"a list of nothing in brackets", "", "", outside, "<a@b.example>", "<;>",
     relays},
    {"and a sender of nothing", "", "From:<@>@ REJECT\n", outside, "<;>",
     "<u@example.org>", "mail 550 5.7.1 Access denied"},
    // To:
    {"To: RELAY", "", "To:far.example RELAY\n", outside, "<a@b.example>",
     "<u@x.far.example>", relays},
    {"To: OK means nothing", "", "To:far.example OK\n", outside,
     "<a@b.example>", "<u@far.example>", denied},
    {"To: RELAY for an address needs relaytofulladdress", "",
     "To:u@far.example RELAY\n", outside, "<a@b.example>", "<u@far.example>",
     denied},
    {"relaytofulladdress", "relaytofulladdress", "To:u@far.example RELAY\n",
     outside, "<a@b.example>", "<u@far.example>", relays},
    {"the first hit decides", "relaytofulladdress",
     "To:u@far.example REJECT\nTo:far.example RELAY\n", outside,
     "<a@b.example>", "<u@far.example>", denied},
    {"untagged RELAY counts for recipients", "", "far.example RELAY\n", outside,
     "<a@b.example>", "<u@far.example>", relays},
    {"Connect: is not for recipients", "", "Connect:far.example RELAY\n",
     outside, "<a@b.example>", "<u@far.example>", denied},
    {"blocklist", "blocklist_recipients", "To:u@example.org REJECT\n", outside,
     "<a@b.example>", "<u@example.org>",
     "rcpt 550 5.2.1 Mailbox disabled for this recipient"},
    {"without the feature To: blocks nobody", "", "To:u@example.org REJECT\n",
     outside, "<a@b.example>", "<u@example.org>", relays},
    {"blocklist by user, here", "blocklist_recipients",
     "To:u@ ERROR:5.1.1:550 gone\n", outside, "<a@b.example>",
     "<u+x@example.org>", "rcpt 550 5.1.1 gone"},
    {"blocklist by user, elsewhere", "blocklist_recipients", "To:u@ REJECT\n",
     outside, "<a@b.example>", "<u@example.net>", relays},
    {"untagged REJECT blocks the domain as recipient too",
     "blocklist_recipients", "example.net REJECT\n", outside, "<a@b.example>",
     "<u@example.net>", "rcpt 550 5.2.1 Mailbox disabled for this recipient"},
    // who may relay
    {"Connect: RELAY by address", "", "Connect:198.51.100 RELAY\n", outside,
     "<a@b.example>", "<u@far.example>", relays},
    {"Connect: RELAY by name", "", "Connect:remote.example RELAY\n", outside,
     "<a@b.example>", "<u@far.example>", relays},
    {"a forged name does not relay", "", "Connect:remote.example RELAY\n",
     "198.51.100.7 mail.remote.example FORGED -", "<a@b.example>",
     "<u@far.example>",
     "rcpt 550 5.7.1 Relaying denied. IP name possibly forged "
     "[198.51.100.7]"},
    {"no name", "", "", "198.51.100.7 - FAIL -", "<a@b.example>",
     "<u@far.example>", no_name},
    {"no answer about the name", "", "", "198.51.100.7 - TEMP -",
     "<a@b.example>", "<u@far.example>",
     "rcpt 450 4.4.0 Relaying temporarily denied. Cannot resolve PTR record "
     "for 198.51.100.7"},
    {"the nearest entry decides", "",
     "Connect:198.51 RELAY\nConnect:198.51.100 OK\n", outside, "<a@b.example>",
     "<u@far.example>", denied},
    {"OK does not relay", "", "Connect:198.51.100.7 OK\n", outside,
     "<a@b.example>", "<u@far.example>", denied},
    {"relay-domains holds addresses", "", "", "203.0.113.9 - FAIL -",
     "<a@b.example>", "<u@far.example>", relays},
    {"relay-domains holds client names", "", "",
     "198.51.100.7 x.example.net OK -", "<a@b.example>", "<u@far.example>",
     relays},
    {"a local name relays", "", "", "198.51.100.7 example.org OK -",
     "<a@b.example>", "<u@far.example>", relays},
    {"our own address", "", "", "192.0.2.66 - FAIL -", "<a@b.example>",
     "<u@far.example>", relays},
    {"loopback", "", "", "127.0.0.1 - FAIL -", "<a@b.example>",
     "<u@far.example>", relays},
    {"the rest of 127 is not special", "", "", "127.0.0.2 - FAIL -",
     "<a@b.example>", "<u@far.example>",
     "rcpt 550 5.7.1 Relaying denied. IP name lookup failed [127.0.0.2]"},
    {"IPv6 loopback", "", "", "::1 - FAIL -", "<a@b.example>",
     "<u@far.example>", relays},
    {"compressed IPv6 entries are dead", "", "Connect:IPv6:2001:db8::5 RELAY\n",
     "2001:db8::5 a.example OK -", "<a@b.example>", "<u@far.example>", denied},
    {"IPv6 written in full", "", "Connect:IPv6:2001:db8 RELAY\n",
     "2001:db8::5 a.example OK -", "<a@b.example>", "<u@far.example>", relays},
    {"authenticated", "", "", "198.51.100.7 - FAIL alice", "<a@b.example>",
     "<u@far.example>", relays},
    {"relay_local_from", "relay_local_from", "", outside, "<a@example.org>",
     "<u@far.example>", relays},
    {"relay_mail_from", "relay_mail_from", "From:a@b.example RELAY\n", outside,
     "<a@b.example>", "<u@far.example>", relays},
    {"relay_mail_from wants the tag", "relay_mail_from", "a@b.example RELAY\n",
     outside, "<a@b.example>", "<u@far.example>", denied},
    {"relay_mail_from domain", "relay_mail_from:domain", "From:example RELAY\n",
     outside, "<a@b.example>", "<u@far.example>", relays},
    // Connect:
    {"Connect: REJECT", "", "Connect:198.51.100 REJECT\n", outside,
     "<a@b.example>", "<u@example.org>", "connect 550 5.7.1 Access denied"},
    {"the name is asked first", "",
     "Connect:remote.example OK\nConnect:198.51.100 REJECT\n", outside,
     "<a@b.example>", "<u@example.org>", relays},
    {"AUTH does not help against Connect:", "", "Connect:198.51.100 REJECT\n",
     "198.51.100.7 - FAIL alice", "<a@b.example>", "<u@example.org>",
     "connect 550 5.7.1 Access denied"},
    {"an unresolved client is asked for by literal", "",
     "Connect:[198.51.100] 550 literal\n", "198.51.100.7 - FAIL -",
     "<a@b.example>", "<u@example.org>", "connect 550 5.0.0 literal"},
    {"a forged name is not asked for", "", "Connect:remote.example REJECT\n",
     "198.51.100.7 mail.remote.example FORGED -", "<a@b.example>",
     "<u@example.org>", relays},
    {"use_client_ptr asks for it", "use_client_ptr",
     "Connect:remote.example REJECT\n",
     "198.51.100.7 mail.remote.example FORGED -", "<a@b.example>",
     "<u@example.org>", "connect 550 5.7.1 Access denied"},
    {"DISCARD", "", "Connect:198.51.100 DISCARD\n", outside, "<a@b.example>",
     "<u@example.org>", "connect discard"},
    {"QUARANTINE is kept", "", "Connect:198.51.100 QUARANTINE:watch\n", outside,
     "<a@b.example>", "<u@example.org>", "connect quarantine watch"},
    {"QUARANTINE does not open a relay", "",
     "Connect:198.51.100 QUARANTINE:watch\n", outside, "<a@b.example>",
     "<u@far.example>", denied},
    {"require_rdns", "require_rdns", "", "198.51.100.7 - FAIL -",
     "<a@b.example>", "<u@example.org>",
     "connect 550 5.7.1 Fix reverse DNS for 198.51.100.7"},
    {"require_rdns, temporarily", "require_rdns", "", "198.51.100.7 - TEMP -",
     "<a@b.example>", "<u@example.org>",
     "connect 451 4.1.8 Client IP address 198.51.100.7 does not resolve"},
    {"require_rdns, forged", "require_rdns", "",
     "198.51.100.7 x.example FORGED -", "<a@b.example>", "<u@example.org>",
     "connect 451 4.1.8 Possibly forged hostname for 198.51.100.7"},
    {"Connect: OK passes require_rdns", "require_rdns",
     "Connect:198.51.100.7 OK\n", "198.51.100.7 - FAIL -", "<a@b.example>",
     "<u@example.org>", relays},
    {"ratecontrol", "ratecontrol", "ClientRate:198.51.100 2\n", outside,
     "<a@b.example>", "<u@example.org>",
     "connect 452 4.3.2 Connection rate limit exceeded."},
    {"ratecontrol: 0 is no limit", "ratecontrol",
     "ClientRate:198.51.100 0\nClientRate: 1\n", outside, "<a@b.example>",
     "<u@example.org>", relays},
    {"conncontrol for all", "conncontrol:terminate", "ClientConn: 2\n", outside,
     "<a@b.example>", "<u@example.org>",
     "connect 421 4.3.2 Too many open connections."},
    // From:
    {"From: REJECT", "", "From:b.example REJECT\n", outside, "<a@x.b.example>",
     "<u@example.org>", "mail 550 5.7.1 Access denied"},
    {"From: by user", "", "From:a@ 551 5.7.0 no\n", outside, "<a@b.example>",
     "<u@example.org>", "mail 551 5.7.0 no"},
    {"From: OK accepts a domain that does not exist", "",
     "From:gone.invalid OK\n", outside, "<a@gone.invalid>", "<u@example.org>",
     relays},
    {"From: REJECT beats a domain that cannot be asked for", "",
     "From:a@slow.tempfail REJECT\n", outside, "<a@slow.tempfail>",
     "<u@example.org>", "mail 550 5.7.1 Access denied"},
    {"no such domain", "", "", outside, "<a@gone.invalid>", "<u@example.org>",
     "mail 553 5.1.8 Domain of sender address a@gone.invalid does not exist"},
    {"no answer about the domain", "", "", outside, "<a@slow.tempfail>",
     "<u@example.org>",
     "mail 451 4.1.8 Domain of sender address a@slow.tempfail does not "
     "resolve"},
    {"accept_unresolvable_domains", "accept_unresolvable_domains", "", outside,
     "<a@gone.invalid>", "<u@example.org>", relays},
    {"a sender gets the brackets that are missing", "",
     "From:u@b.example REJECT\n", outside, "list:u@b.example",
     "<u@example.org>", relays},
    {"not so where unqualified ones are accepted", "accept_unqualified_senders",
     "From:u@b.example REJECT\n", outside, "list:u@b.example",
     "<u@example.org>", "mail 550 5.7.1 Access denied"},
    {"an empty value means nothing", "blocklist_recipients",
     "From:b.example %1\nTo:example.org %1\nConnect:198.51 %1\n", outside,
     "<a@b.example>", "<u@example.org>", relays},
    {"the empty sender", "", "From: REJECT\n", outside, "<>", "<u@example.org>",
     relays},
    {"unqualified sender", "", "", outside, "<a>", "<u@example.org>",
     "mail 553 5.5.4 Domain name required for sender address a"},
    {"unqualified from loopback all the same", "", "", "127.0.0.1 - FAIL -",
     "<a>", "<u@example.org>",
     "mail 553 5.5.4 Domain name required for sender address a"},
    {"accept_unqualified_senders", "accept_unqualified_senders", "", outside,
     "<a>", "<u@example.org>", relays},
    {"user@localhost from outside", "", "", outside, "<a@localhost>",
     "<u@example.org>",
     "mail 553 5.5.4 Real domain name required for sender address"},
    {"user@localhost from here", "", "", "198.51.100.7 example.org OK -",
     "<a@localhost>", "<u@example.org>", relays},
    {"TEMP is the word for DNS", "", "From:b.example TEMP\n", outside,
     "<a@b.example>", "<u@example.org>",
     "mail 451 4.1.8 Domain of sender address a@b.example does not resolve"},
    {"SKIP is no word for an address", "access_skip", "From:a@b.example SKIP\n",
     outside, "<a@b.example>", "<u@example.org>", "mail 553 5.3.0 SKIP"},
    {"SKIP for a domain", "access_skip",
     "From:b.example SKIP\nFrom:example REJECT\n", outside, "<a@b.example>",
     "<u@example.org>", relays},
    {"malformed", "", "", outside, "<a@b..example>", "<u@example.org>",
     "mail 553 5.1.2 Invalid host name"},
    {"malformed recipient", "", "", outside, "<a@b.example>", "<u@>",
     "rcpt 553 5.1.3 Hostname required"},
    // delay_checks
    {"delayed: relaying comes first", "delay_checks",
     "Connect:198.51.100 REJECT\nFrom:b.example REJECT\n", outside,
     "<a@b.example>", "<u@far.example>", denied},
    {"delayed: From: before Connect:", "delay_checks",
     "Connect:198.51.100 REJECT\nFrom:b.example 550 from\n", outside,
     "<a@b.example>", "<u@example.org>", "rcpt 550 5.0.0 from"},
    {"delayed: Connect:", "delay_checks", "Connect:198.51.100 REJECT\n",
     outside, "<a@b.example>", "<u@example.org>",
     "rcpt 550 5.7.1 Access denied"},
    {"delayed: From: OK ends it", "delay_checks",
     "Connect:198.51.100 REJECT\nFrom:b.example OK\n", outside, "<a@b.example>",
     "<u@example.org>", relays},
    {"delayed: AUTH ends it", "delay_checks", "Connect:198.51.100 REJECT\n",
     "198.51.100.7 - FAIL alice", "<a@b.example>", "<u@example.org>", relays},
    {"delayed: friend", "delay_checks:friend",
     "Connect:198.51.100 REJECT\nSpam:u@example.org FRIEND\n", outside,
     "<a@b.example>", "<u@example.org>", relays},
    {"delayed: no friend", "delay_checks:friend",
     "Connect:198.51.100 REJECT\nSpam:u@example.org FRIEND\n", outside,
     "<a@b.example>", "<v@example.org>", "rcpt 550 5.7.1 Access denied"},
    {"delayed: who is no hater is spared", "delay_checks:hater",
     "Connect:198.51.100 REJECT\n", outside, "<a@b.example>", "<u@example.org>",
     relays},
    {"delayed: hater", "delay_checks:hater",
     "Connect:198.51.100 REJECT\nSpam:u@ HATER\n", outside, "<a@b.example>",
     "<u@example.org>", "rcpt 550 5.7.1 Access denied"},
    {"delayed: SPAMFRIEND is no To: error", "delay_checks blocklist_recipients",
     "To:u@example.org SPAMFRIEND\n", outside, "<a@b.example>",
     "<u@example.org>", relays},
    {"delayed with n: it is", "delay_checks:friend:n blocklist_recipients",
     "To:u@example.org SPAMFRIEND\n", outside, "<a@b.example>",
     "<u@example.org>", "rcpt 553 5.3.0 SPAMFRIEND"},
    {"nodelay limits stay at connect", "delay_checks ratecontrol:nodelay",
     "ClientRate: 1\n", outside, "<a@b.example>", "<u@example.org>",
     "connect 452 4.3.2 Connection rate limit exceeded."},
    // TLS
    {"TLS_Clt: asks for a certificate", "", "TLS_Clt: VERIFY\n", outside,
     "<a@b.example>", "<u@example.org>",
     "mail 454 4.7.0 authentication required"},
    {"TLS_Clt: for good", "", "TLS_Clt:198.51.100 PERM+ENCR:56\n", outside,
     "<a@b.example>", "<u@example.org>",
     "mail 503 5.7.0 encryption too weak 0 less than 56"},
};

Client client_of(const std::string& text)
{
    std::istringstream in{text};
    std::string addr, name, resolve, user;
    in >> addr >> name >> resolve >> user;
    Client client;
    client.addr = *ClientAddr::parse(addr);
    client.name = name == "-" ? "" : name;
    client.resolve = resolve == "OK"       ? Resolve::ok
                     : resolve == "FAIL"   ? Resolve::fail
                     : resolve == "FORGED" ? Resolve::forged
                                           : Resolve::temp;
    client.rate = client.connections = 3;
    if (user != "-") {
        client.auth_type = "PLAIN";
        client.auth_authen = user;
    }
    return client;
}

NameStatus dns(std::string_view name)
{
    return name.ends_with(".invalid")    ? NameStatus::permanent
           : name.ends_with(".tempfail") ? NameStatus::temporary
                                         : NameStatus::ok;
}

Settings settings_of(const char* features)
{
    Settings s;
    s.domain = "mx.example.org";
    s.local_host_names = {"example.org", "[192.0.2.66]"};
    s.relay_domains = {"example.net", "203.0.113"};
    s.features = {"access_db"};
    std::istringstream in{features};
    for (std::string name; in >> name;)
        s.features.insert(name);
    return s;
}

/// Answers that the map cannot be read.
class Broken final : public map::Source {
public:
    Result<std::shared_ptr<const map::Snapshot>> current() override
    {
        return fail(Errc::format, "access.db: torn");
    }
    const std::string& name() const override { return name_; }

private:
    std::string name_ = "access.db";
};

/// A store with one grant, or none that can answer.
class OneGrant final : public relayers::Store {
public:
    explicit OneGrant(Result<std::optional<relayers::Grant>> grant)
        : grant_{std::move(grant)}
    {
    }
    Result<std::optional<relayers::Grant>> find(const ClientAddr& a) override
    {
        if (grant_ && *grant_ && !(*grant_)->network.contains(a))
            return std::optional<relayers::Grant>{};
        return grant_;
    }
    Result<std::optional<relayers::Grant>> exact(const Network&) override
    {
        return grant_;
    }
    Status add(const relayers::Grant&) override { return {}; }
    Status add_all(std::span<const relayers::Grant>) override { return {}; }
    Result<bool> remove(const Network&) override { return false; }
    Result<std::vector<Network>> remove_all(std::span<const Network>) override
    {
        return std::vector<Network>{};
    }
    Result<std::vector<relayers::Grant>> remove_where(const Condition&) override
    {
        return std::vector<relayers::Grant>{};
    }
    Result<std::vector<relayers::Grant>> list() override
    {
        return std::vector<relayers::Grant>{};
    }
    relayers::Stats stats() override { return {}; }
    Result<relayers::Check> verify(bool) override { return relayers::Check{}; }

private:
    Result<std::optional<relayers::Grant>> grant_;
};

World world_of(const char* access)
{
    World w;
    w.access = map::fixed(map::read_text(access, "access").table, "access");
    w.resolve = dns;
    return w;
}

std::shared_ptr<const Policy> policy_of(const char* features, World world,
                                        bool trusts_auth)
{
    auto settings = settings_of(features);
    if (trusts_auth)
        settings.trust_auth_mech = {"PLAIN"};
    auto made = Policy::make(std::move(settings), std::move(world));
    BOOST_REQUIRE(made);
    return *made;
}

/// The first refusal, else what was said that is not plain acceptance, else
/// the answer to RCPT.
Decision outcome(const Policy& policy, const Client& client, const char* mail,
                 const char* rcpt)
{
    std::optional<Decision> held;
    for (auto d : {policy.connect(client), policy.mail(client, mail),
                   policy.rcpt(client, mail, rcpt)}) {
        if (d.verdict == Verdict::reject || d.verdict == Verdict::tempfail)
            return d;
        if (d.verdict != Verdict::accept)
            held = d;
        else if (!held && d.stage == Stage::rcpt)
            return d;
    }
    return *held;
}

std::string shown(const Decision& d)
{
    std::string out = std::string{name_of(d.stage)} + " ";
    if (d.verdict == Verdict::reject || d.verdict == Verdict::tempfail)
        return out + std::to_string(d.reply.code) + " " + d.reply.enhanced +
               " " + d.reply.text;
    out += name_of(d.verdict);
    if (d.relay)
        out += " relay";
    return d.reply.text.empty() ? out : out + " " + d.reply.text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_policy)

BOOST_DATA_TEST_CASE(as_documented, data::make(rows))
{
    const auto client = client_of(sample.client);
    const auto policy = policy_of(sample.features, world_of(sample.access),
                                  !client.auth_type.empty());
    BOOST_TEST(shown(outcome(*policy, client, sample.mail, sample.rcpt)) ==
               sample.want);
}

BOOST_AUTO_TEST_CASE(the_text_asks_for_auth_where_there_is_auth)
{
    const auto policy = policy_of("", world_of(""), true);
    BOOST_TEST(shown(policy->rcpt(client_of(outside), "<a@b.example>",
                                  "<u@far.example>")) ==
               "rcpt 550 5.7.1 Relaying denied. Proper authentication "
               "required.");
}

BOOST_AUTO_TEST_CASE(a_mechanism_that_is_not_trusted_does_not_relay)
{
    const auto policy = policy_of("", world_of(""), true);
    auto client = client_of("198.51.100.7 x.example OK alice");
    client.auth_type = "LOGIN";
    BOOST_TEST(!policy->rcpt(client, "<a@b.example>", "<u@far.example>").relay);
    client.auth_type = "plain";
    BOOST_TEST(policy->rcpt(client, "<a@b.example>", "<u@far.example>").relay);
}

BOOST_AUTO_TEST_CASE(every_decision_says_why)
{
    auto world = world_of("Connect:198.51.100 REJECT\n");
    world.trace = true;
    const auto policy = policy_of("", world, false);
    const auto d = policy->connect(client_of(outside));
    BOOST_TEST(d.why.policy == "relay");
    BOOST_TEST(d.why.rule == "access Connect:");
    BOOST_TEST(d.why.source == "access");
    BOOST_TEST(d.why.key == "Connect:198.51.100");
    BOOST_TEST(d.why.value == "REJECT");
    BOOST_REQUIRE(d.trace.size() == 3U);
    BOOST_TEST(d.trace.front().key == "mail.remote.example");
    BOOST_TEST(d.trace.back().key == d.why.key);
}

BOOST_AUTO_TEST_CASE(a_map_that_cannot_be_read_is_a_451_at_every_stage)
{
    World world;
    world.access = std::make_shared<Broken>();
    const auto policy = policy_of("", world, false);
    const auto client = client_of(outside);
    const char* const want =
        "451 4.3.0 Temporary system failure. Please try again later.";
    BOOST_TEST(shown(policy->connect(client)) ==
               std::string{"connect "} + want);
    BOOST_TEST(shown(policy->mail(client, "<a@b.example>")) ==
               std::string{"mail "} + want);
    const auto rcpt = policy->rcpt(client, "<a@b.example>", "<u@far.example>");
    BOOST_TEST(shown(rcpt) == std::string{"rcpt "} + want);
    BOOST_TEST(rcpt.why.value == "access.db: torn");
    BOOST_TEST(!rcpt.relay);
    // who needs no map is served as by sendmail
    BOOST_TEST(policy->rcpt(client, "<a@b.example>", "<u@example.org>").relay);
    BOOST_TEST(policy
                   ->rcpt(client_of("127.0.0.1 - FAIL -"), "<a@b.example>",
                          "<u@far.example>")
                   .relay);
}

BOOST_AUTO_TEST_CASE(a_login_opens_the_relay_for_its_window)
{
    const Seconds login{std::chrono::seconds{1700000000}};
    relayers::Grant grant{*Network::parse("198.51.100.0/24"), login, "alice",
                          "imap"};
    auto now = login;
    World world = world_of("");
    world.relayers = std::make_shared<OneGrant>(grant);
    world.clock = [&] { return now; };
    world.window = std::chrono::minutes{30};
    const auto policy = policy_of("", world, false);
    const auto ask = [&](const char* client) {
        return policy->rcpt(client_of(client), "<a@b.example>",
                            "<u@far.example>");
    };
    BOOST_TEST(ask(outside).relay);
    BOOST_TEST(ask(outside).why.value == "alice");
    BOOST_TEST(!ask("198.51.101.7 x.example OK -").relay);
    now = login + std::chrono::minutes{30};
    BOOST_TEST(!ask(outside).relay);
}

BOOST_AUTO_TEST_CASE(a_store_that_fails_is_a_451)
{
    World world = world_of("");
    world.relayers =
        std::make_shared<OneGrant>(fail(Errc::io, "relayers.db: gone"));
    const auto policy = policy_of("", world, false);
    const auto d =
        policy->rcpt(client_of(outside), "<a@b.example>", "<u@far.example>");
    BOOST_TEST(shown(d) ==
               "rcpt 451 4.3.0 Temporary system failure. Please try again "
               "later.");
    BOOST_TEST(d.why.value == "relayers.db: gone");
}

struct Pop {
    const char* feature;
    const char* value;
    bool relay, blocked_too, past_connect;
};
std::ostream& operator<<(std::ostream& os, const Pop& p)
{
    return os << p.feature << " " << p.value;
}
const Pop pops[] = {
    {"relayers_auth", "1700000000", true, true, true},
    {"relayers_rcpt", "1700000000", true, false, true},
    {"drac", "1700000000", true, true, false},
    {"relayers_auth", "NO", false, true, false},
    {"relayers_rcpt", "no", false, true, false},
};

/// The three places where sendmail can ask a plain map of logins.
BOOST_DATA_TEST_CASE(the_plain_map_of_logins, data::make(pops))
{
    World world = world_of(
        "To:u@example.org REJECT\n"
        "Connect:198.51.100 REJECT\n");
    world.relayers_map = map::fixed(
        map::read_text(std::string{"198.51.100.7 "} + sample.value, "r").table,
        "relayers");
    const auto features = std::string{sample.feature} + " blocklist_recipients";
    const auto ask = [&](const std::string& more, const char* rcpt) {
        return policy_of((features + more).c_str(), world, false)
            ->rcpt(client_of(outside), "<a@b.example>", rcpt);
    };
    BOOST_TEST(ask("", "<u@far.example>").relay == sample.relay);
    BOOST_TEST((ask("", "<u@example.org>").reply.code == 550) ==
               sample.blocked_too);
    BOOST_TEST((ask(" delay_checks", "<v@example.org>").verdict ==
                Verdict::accept) == sample.past_connect);
}

BOOST_AUTO_TEST_CASE(drac_asks_for_ipv6_with_and_without_its_tag)
{
    for (const char* key :
         {"ipv6:2001:db8:0:0:0:0:0:5 1", "2001:db8:0:0:0:0:0:5 1"}) {
        World world = world_of("");
        world.relayers_map =
            map::fixed(map::read_text(key, "r").table, "relayers");
        BOOST_TEST(policy_of("drac", world, false)
                       ->rcpt(client_of("2001:db8::5 - FAIL -"),
                              "<a@b.example>", "<u@far.example>")
                       .relay);
    }
}

BOOST_AUTO_TEST_CASE(features_that_are_unknown_or_do_not_fit)
{
    struct Bad {
        std::set<std::string, std::less<>> features;
        const char* text;
    };
    const Bad bad[] = {
        {{"acess_db"}, "unknown FEATURE acess_db"},
        {{"blocklist_recipients"},
         "FEATURE blocklist_recipients needs FEATURE access_db"},
        {{"access_db", "ratecontrol:nodelay"},
         "FEATURE ratecontrol:nodelay needs FEATURE delay_checks"},
        {{"access_db", "delay_checks:friend", "delay_checks:hater"},
         "FEATURE delay_checks: either friend or hater"},
    };
    for (const auto& one : bad) {
        Settings s;
        s.features = one.features;
        const auto made = Policy::make(s, World{});
        BOOST_REQUIRE(!made);
        BOOST_TEST(made.error().text == one.text);
    }
}

BOOST_AUTO_TEST_CASE(a_certificate_that_access_db_knows)
{
    auto client = client_of(outside);
    client.tls_verify = "OK";
    client.cert_issuer = "/C=XX/CN=CA";
    client.cert_subject = "/C=XX/CN=me";
    const auto relay = [&](const char* access) {
        return policy_of("", world_of(access), false)
            ->rcpt(client, "<a@b.example>", "<u@far.example>")
            .relay;
    };
    BOOST_TEST(relay("CERTISSUER:/C=XX/CN=CA RELAY\n"));
    BOOST_TEST(
        relay("CERTISSUER:/C=XX/CN=CA SUBJECT\n"
              "CERTSUBJECT:/C=XX/CN=me RELAY\n"));
    BOOST_TEST(!relay("CERTISSUER:/C=XX/CN=CA SUBJECT\n"));
    BOOST_TEST(!relay("CERTISSUER:/C=XX/CN=CA OK\n"));
    client.tls_verify = "FAIL";
    BOOST_TEST(!relay("CERTISSUER:/C=XX/CN=CA RELAY\n"));
}

BOOST_AUTO_TEST_SUITE_END()
