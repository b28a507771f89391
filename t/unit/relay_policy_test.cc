// The relay decision as it is documented: one row a statement of cf/README or
// of what sendmail 8.17.1 was seen to do.
#include "policy/relay/policy.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "policy/map/text.h"
#include "t/unit/relay_policy_rows.h"

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::relay;
using namespace relay_policy_test;

namespace {

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

BOOST_AUTO_TEST_CASE(compressed_ipv6_addresses)
{
    auto client = client_of(outside);
    client.addr = *ClientAddr::parse("2001:db8::5");
    auto settings = settings_of("");
    const auto relays = [&](const char* entry) {
        return (*Policy::make(settings, world_of(entry)))
            ->rcpt(client, "<a@far.example>", "<b@remote.example>")
            .relay;
    };
    BOOST_TEST(!relays("Connect:IPv6:2001:db8::5 RELAY\n"));
    BOOST_TEST(relays("Connect:IPv6:2001:db8:0:0:0:0:0:5 RELAY\n"));
    settings.compressed_ipv6 = true;
    BOOST_TEST(relays("Connect:IPv6:2001:db8::5 RELAY\n"));
    BOOST_TEST(relays("Connect:IPv6:2001:db8 RELAY\n"));
    BOOST_TEST(!relays("Connect:IPv6:2001:db8:0:0:0:0:0:5 RELAY\n"));
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
