// relay-milter's pure parts: facts from macros, socketmap, policy delegation.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <ostream>
#include <random>

#include "milters/net/netstring.h"
#include "milters/relay/delegation.h"
#include "milters/relay/facts.h"
#include "milters/relay/maps.h"
#include "milters/relay/session.h"

using namespace milters;
using namespace milters::relay;
using net::Frame;
using policy::ClientAddr;
using policy::Errc;
using policy::Network;
using policy::relay::Resolve;
using policy::relayers::Grant;
namespace data = boost::unit_test::data;

namespace {

/// An MTA that knows some macros and remembers what it was asked to do.
class FakeMta final : public milter::Context {
public:
    FakeMta(std::map<std::string, std::string> macros = {})
        : macros_{std::move(macros)}
    {
    }
    std::optional<std::string_view> macro(const char* name) override
    {
        const auto found = macros_.find(name);
        if (found == macros_.end())
            return std::nullopt;
        return found->second;
    }
    bool quarantine(const std::string& reason) override
    {
        quarantined = reason;
        return grants;
    }
    bool add_header(const std::string&, const std::string&) override
    {
        return false;
    }
    bool insert_header(int, const std::string&, const std::string&) override
    {
        return false;
    }
    bool change_header(const std::string&, int, const std::string*) override
    {
        return false;
    }
    bool replace_body(std::string_view) override { return false; }
    bool add_recipient(const std::string&) override { return false; }
    bool delete_recipient(const std::string&) override { return false; }
    bool progress() override { return true; }

    std::string quarantined;
    bool grants = true;

private:
    std::map<std::string, std::string> macros_;
};

ClientAddr addr(const char* text)
{
    return ClientAddr::parse(text).value();
}

/// Grants in memory; fails on demand.
class FakeStore final : public policy::relayers::Store {
public:
    policy::Result<std::optional<Grant>> find(const ClientAddr& client) override
    {
        if (broken)
            return policy::fail(Errc::io, "disk\nfull");
        for (const auto& grant : grants)
            if (grant.network.contains(client))
                return grant;
        return std::optional<Grant>{};
    }
    policy::Status add(const Grant& grant) override
    {
        grants.push_back(grant);
        return {};
    }
    policy::Result<bool> remove(const Network&) override { return false; }
    policy::Result<std::vector<Grant>> list() override { return grants; }

    std::vector<Grant> grants;
    bool broken = false;
};

/// A map that cannot be read.
class BrokenMap final : public policy::map::Source {
public:
    policy::Result<std::shared_ptr<const policy::map::Snapshot>> current()
        override
    {
        return policy::fail(Errc::format, "torn");
    }
    const std::string& name() const override { return name_; }

private:
    std::string name_ = "broken";
};

/// Answers what the test wants, and remembers the client.
struct FakePolicy final : policy::relay::Policy {
    policy::Decision connect(const policy::relay::Client& client) const override
    {
        seen = client;
        if (throws)
            throw std::runtime_error("broken");
        return at_connect;
    }
    policy::Decision mail(const policy::relay::Client& client,
                          std::string_view) const override
    {
        seen = client;
        return at_mail;
    }
    policy::Decision rcpt(const policy::relay::Client& client, std::string_view,
                          std::string_view) const override
    {
        seen = client;
        return at_rcpt;
    }
    policy::Decision at_connect, at_mail, at_rcpt;
    bool throws = false;
    mutable policy::relay::Client seen;
};

policy::Decision refusal(int code, const char* text)
{
    policy::Decision out;
    out.verdict =
        code < 500 ? policy::Verdict::tempfail : policy::Verdict::reject;
    out.reply = {code, code < 500 ? "4.7.1" : "5.7.1", text};
    return out;
}

policy::Decision decision(policy::Verdict verdict, const char* text = "")
{
    policy::Decision out;
    out.verdict = verdict;
    out.reply.text = text;
    return out;
}

policy::Seconds at(long seconds)
{
    return policy::Seconds{std::chrono::seconds{seconds}};
}

/// A Runtime with fakes in it.
struct World {
    World()
    {
        runtime.world.relayers = store;
        runtime.world.clock = [] { return at(10'000); };
        runtime.world.window = std::chrono::seconds{1800};
        runtime.world.access = policy::map::fixed(
            policy::map::from_text("x\tvalue with  blanks\n", "access").value(),
            "access");
        runtime.policy = policy;
        runtime.log = &log;
    }

    policy::Log log{{"unit-tests", "user", policy::Log::Level::error}};
    std::shared_ptr<FakeStore> store = std::make_shared<FakeStore>();
    std::shared_ptr<FakePolicy> policy = std::make_shared<FakePolicy>();
    Runtime runtime;
};

struct FrameCase {
    const char* input;
    Frame::Kind kind;
    const char* request;
};
std::ostream& operator<<(std::ostream& out, const FrameCase& c)
{
    return out << c.input;
}

const FrameCase netstrings[] = {
    {"", Frame::Kind::more, ""},
    {"3", Frame::Kind::more, ""},
    {"3:", Frame::Kind::more, ""},
    {"3:ab", Frame::Kind::more, ""},
    {"3:abc", Frame::Kind::more, ""},
    {"3:abc,", Frame::Kind::request, "abc"},
    {"3:abc,3:", Frame::Kind::request, "abc"},
    {"0:,", Frame::Kind::request, ""},
    {"3:abcd", Frame::Kind::bad, ""},
    {":abc,", Frame::Kind::bad, ""},
    {"03:abc,", Frame::Kind::bad, ""},
    {"00:,", Frame::Kind::bad, ""},
    {"-1:,", Frame::Kind::bad, ""},
    {" 3:abc,", Frame::Kind::bad, ""},
    {"3 :abc,", Frame::Kind::bad, ""},
    {"11:", Frame::Kind::bad, ""},
    {"10:0123456789,", Frame::Kind::request, "0123456789"},
    {"99999999999999999999999", Frame::Kind::bad, ""},
    {"GET / HTTP/1.0", Frame::Kind::bad, ""},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relay_milter)

BOOST_DATA_TEST_CASE(netstring_frames, data::make(netstrings), c)
{
    const auto frame = net::take_netstring(c.input, 10);
    BOOST_TEST((frame.kind == c.kind));
    BOOST_TEST(frame.request == c.request);
}

BOOST_AUTO_TEST_CASE(netstrings_there_and_back_in_pieces)
{
    std::mt19937 random{1};
    for (int i = 0; i < 500; ++i) {
        std::string text(random() % 300, '\0');
        for (auto& c : text)
            c = static_cast<char>(random());
        const auto wire = net::netstring(text) + "1:x,";
        for (std::size_t cut = 0; cut < wire.size() - 4; ++cut)
            BOOST_TEST_REQUIRE(
                (net::take_netstring(wire.substr(0, cut), 300).kind ==
                 Frame::Kind::more));
        const auto whole = net::take_netstring(wire, 300);
        BOOST_TEST_REQUIRE(whole.request == text);
        BOOST_TEST_REQUIRE(wire.substr(whole.consumed) == "1:x,");
    }
}

BOOST_AUTO_TEST_CASE(relayers_by_window_and_spelling)
{
    World w;
    w.store->grants = {
        {.network = {addr("192.0.2.4"), 32}, .login = at(9'000)},
        {.network = {addr("192.0.2.5"), 32}, .login = at(8'200)},
        {.network = {addr("192.0.2.6"), 32}, .login = at(8'201)},
        {.network = {addr("2001:db8::"), 64}, .login = at(9'999)}};
    const auto ask = [&](const std::string& key) {
        return answer_map(w.runtime, "relayers " + key);
    };
    BOOST_TEST(ask("192.0.2.4") == "OK 9000");
    BOOST_TEST(ask("::ffff:192.0.2.4") == "OK 9000");
    BOOST_TEST(ask("192.0.2.5") == "NOTFOUND ");
    BOOST_TEST(ask("192.0.2.6") == "OK 8201");
    for (const char* six :
         {"2001:db8::1", "IPv6:2001:db8:0:0:0:0:0:1", "ipv6:2001:DB8::1",
          "2001:0db8:0000:0000:0000:0000:0000:0001"})
        BOOST_TEST(ask(six) == "OK 9999");
    for (const char* other :
         {"2001:db8:0:1::1", "192.0.2", "192", "client.example.net", "",
          "unknown", "127.0.0.1", "192.0.2.4 ", "999.1.1.1"})
        BOOST_TEST(ask(other) == "NOTFOUND ");
    BOOST_TEST(answer_map(w.runtime, "relayers_postfix 192.0.2.4") == "OK OK");
    BOOST_TEST(answer_map(w.runtime, "relayers_postfix 192.0.2.5") ==
               "NOTFOUND ");
}

BOOST_AUTO_TEST_CASE(a_map_that_fails_is_temp_never_not_found)
{
    World w;
    w.store->broken = true;
    BOOST_TEST(answer_map(w.runtime, "relayers 192.0.2.4") ==
               "TEMP disk\\nfull");
    BOOST_TEST(answer_map(w.runtime, "relayers_postfix 192.0.2.4") ==
               "TEMP disk\\nfull");
    w.runtime.world.access = std::make_shared<BrokenMap>();
    BOOST_TEST(answer_map(w.runtime, "access x") == "TEMP torn");
}

BOOST_AUTO_TEST_CASE(access_and_unknown_maps)
{
    World w;
    BOOST_TEST(answer_map(w.runtime, "access X") == "OK value with  blanks");
    BOOST_TEST(answer_map(w.runtime, "access y") == "NOTFOUND ");
    BOOST_TEST(answer_map(w.runtime, "other x") == "PERM no such map");
    BOOST_TEST(answer_map(w.runtime, "relayers") ==
               "PERM no key in the request");
    BOOST_TEST(answer_map(w.runtime, "") == "PERM no key in the request");
    BOOST_TEST(answer_map(w.runtime, " x") == "PERM no such map");
    w.runtime.world.access.reset();
    w.runtime.world.relayers.reset();
    BOOST_TEST(answer_map(w.runtime, "access x") == "NOTFOUND ");
    BOOST_TEST(answer_map(w.runtime, "relayers 192.0.2.4") == "NOTFOUND ");
}

BOOST_AUTO_TEST_CASE(facts_of_sendmail)
{
    FakeMta mta{{{"client_addr", "IPv6:2001:db8:0:0:0:0:0:1"},
                 {"client_name", "[IPv6:2001:db8:0:0:0:0:0:1]"},
                 {"client_ptr", "host.example"},
                 {"client_resolve", "FORGED"},
                 {"client_rate", "7"}}};
    const auto client = client_at_connect(mta, {"x", addr("192.0.2.1")});
    BOOST_TEST(client.addr.text() == "2001:db8::1");
    BOOST_TEST(client.name == "host.example");
    BOOST_TEST((client.resolve == Resolve::forged));
    BOOST_TEST(client.rate == 7U);
    BOOST_TEST(client.connections == 0U);
}

BOOST_AUTO_TEST_CASE(facts_of_postfix)
{
    FakeMta none;
    auto client = client_at_connect(none, {"unknown", addr("192.0.2.1")});
    BOOST_TEST(client.addr.text() == "192.0.2.1");
    BOOST_TEST(client.name.empty());
    BOOST_TEST((client.resolve == Resolve::fail));
    client = client_at_connect(none, {"a.example", addr("192.0.2.1")});
    BOOST_TEST(client.name == "a.example");
    BOOST_TEST((client.resolve == Resolve::ok));
    FakeMta forged{{{"client_name", "unknown"}, {"client_ptr", "b.example"}}};
    client = client_at_connect(forged, {"unknown", addr("192.0.2.1")});
    BOOST_TEST((client.resolve == Resolve::forged));
}

BOOST_AUTO_TEST_CASE(a_client_without_address)
{
    FakeMta none;
    auto client = client_at_connect(none, {"localhost", {}});
    BOOST_TEST((client.addr.kind() == ClientAddr::Kind::none));
    client = client_at_connect(none, {"a.example", {}});
    BOOST_TEST(client.addr.text() == "0.0.0.0");
    client = client_at_connect(none, {"", ClientAddr::unix_socket()});
    BOOST_TEST((client.addr.kind() == ClientAddr::Kind::unix_socket));
}

BOOST_AUTO_TEST_CASE(paths_without_esmtp_arguments)
{
    BOOST_TEST(path_of("<a@b>") == "<a@b>");
    BOOST_TEST(path_of("<a@b> SIZE=1") == "<a@b>");
    BOOST_TEST(path_of("<\"a b\"@c> BODY=8BITMIME") == "<\"a b\"@c>");
    BOOST_TEST(path_of("<\"a\\\" b\"@c> X") == "<\"a\\\" b\"@c>");
    BOOST_TEST(path_of("<a b@c>") == "<a b@c>");
    BOOST_TEST(path_of("a@b X") == "a@b");
    BOOST_TEST(path_of("") == "");
    BOOST_TEST(path_of("<>") == "<>");
    BOOST_TEST(path_of("\"a") == "\"a");
    BOOST_TEST(path_of("a\\") == "a\\");
}

BOOST_AUTO_TEST_CASE(policy_requests_in_pieces)
{
    const std::string wire = "request=smtpd_access_policy\nsender=a=b\n\nnext";
    for (std::size_t cut = 0; cut < wire.size() - 4; ++cut)
        BOOST_TEST(
            (take_attributes(wire.substr(0, cut)).kind == Frame::Kind::more));
    const auto frame = take_attributes(wire);
    BOOST_TEST(wire.substr(frame.consumed) == "next");
    const auto attributes = attributes_of(frame.request);
    BOOST_TEST(attributes.size() == 2U);
    BOOST_TEST(attributes.at("sender") == "a=b");
    BOOST_TEST(attributes_of("no equals\n=x\na=1\na=2\n").at("a") == "1");
    BOOST_TEST((take_attributes("\n").kind == Frame::Kind::request));
}

BOOST_AUTO_TEST_CASE(policy_actions)
{
    World w;
    const auto ask = [&](const char* state) {
        return policy_action(w.runtime, {{"request", "smtpd_access_policy"},
                                         {"protocol_state", state},
                                         {"client_address", "192.0.2.4"},
                                         {"client_name", "unknown"},
                                         {"reverse_client_name", "p.example"},
                                         {"sasl_method", "PLAIN"}});
    };
    BOOST_TEST(ask("RCPT") == "DUNNO");
    BOOST_TEST(w.policy->seen.auth_type == "PLAIN");
    BOOST_TEST((w.policy->seen.resolve == Resolve::forged));
    w.policy->at_rcpt.relay = true;
    BOOST_TEST(ask("RCPT") == "OK");
    BOOST_TEST(ask("MAIL") == "DUNNO");
    w.policy->at_mail = refusal(450, "la\nter");
    BOOST_TEST(ask("RCPT") == "450 4.7.1 la\\nter");
    BOOST_TEST(ask("CONNECT") == "DUNNO");
    w.policy->at_connect = refusal(550, "go");
    BOOST_TEST(ask("RCPT") == "550 5.7.1 go");
    BOOST_TEST(ask("DATA") == "DUNNO");
    w.policy->at_connect = decision(policy::Verdict::discard);
    BOOST_TEST(ask("MAIL") == "DISCARD ");
    w.policy->at_connect = decision(policy::Verdict::quarantine, "why");
    BOOST_TEST(ask("MAIL") == "HOLD why");
    // A refusal without a code that refuses is our own failure.
    w.policy->at_connect = decision(policy::Verdict::reject, "why");
    BOOST_TEST(ask("MAIL").starts_with("DEFER_IF_PERMIT 4.3.0"));
    BOOST_TEST(policy_action(w.runtime, {}).starts_with("DEFER_IF_PERMIT"));
}

BOOST_AUTO_TEST_CASE(a_policy_client_without_address_is_not_local)
{
    World w;
    policy_action(w.runtime, {{"request", "smtpd_access_policy"},
                              {"protocol_state", "RCPT"},
                              {"client_address", "unknown"}});
    BOOST_TEST(w.policy->seen.addr.text() == "0.0.0.0");
}

BOOST_AUTO_TEST_CASE(a_session_obeys_and_forgets)
{
    World w;
    RelaySession session{std::make_shared<Runtime>(w.runtime)};
    FakeMta mta{{{"i", "q1"}, {"auth_type", "PLAIN"}}};
    using Kind = milter::Answer::Kind;
    const char* from = "<a@x>";
    session.connect(mta, {"c", addr("192.0.2.4")});
    BOOST_TEST(session.id() == "NOQUEUE");
    // RCPT without MAIL cannot be judged.
    BOOST_TEST(session.rcpt(mta, {&from, 1}).reply().code == 451);
    BOOST_TEST((session.mail(mta, {&from, 1}).kind() == Kind::proceed));
    BOOST_TEST(session.id() == "q1");
    BOOST_TEST(w.policy->seen.auth_type == "PLAIN");
    w.policy->at_rcpt = decision(policy::Verdict::quarantine, "held");
    BOOST_TEST((session.rcpt(mta, {&from, 1}).kind() == Kind::proceed));
    BOOST_TEST((session.eom(mta).kind() == Kind::proceed));
    BOOST_TEST(mta.quarantined == "held");
    BOOST_TEST(session.id() == "NOQUEUE");
    mta.quarantined.clear();
    session.mail(mta, {&from, 1});
    session.eom(mta);
    BOOST_TEST(mta.quarantined.empty());
    // Not granted by the MTA: the message must not pass.
    session.mail(mta, {&from, 1});
    session.rcpt(mta, {&from, 1});
    mta.grants = false;
    BOOST_TEST(session.eom(mta).reply().code == 451);
    w.policy->at_mail = decision(policy::Verdict::discard);
    BOOST_TEST((session.mail(mta, {}).kind() == Kind::discard));
    w.policy->at_connect = refusal(550, "no");
    BOOST_TEST(session.connect(mta, {"c", {}}).reply().code == 550);
}

BOOST_AUTO_TEST_CASE(test_mode_changes_nothing)
{
    World w;
    w.runtime.test_mode = true;
    w.policy->at_connect = w.policy->at_mail = refusal(550, "no");
    w.policy->at_rcpt = decision(policy::Verdict::quarantine, "held");
    RelaySession session{std::make_shared<Runtime>(w.runtime)};
    FakeMta mta;
    using Kind = milter::Answer::Kind;
    const char* from = "<a@x>";
    BOOST_TEST((session.connect(mta, {"c", {}}).kind() == Kind::proceed));
    BOOST_TEST((session.mail(mta, {&from, 1}).kind() == Kind::proceed));
    BOOST_TEST((session.rcpt(mta, {&from, 1}).kind() == Kind::proceed));
    BOOST_TEST((session.eom(mta).kind() == Kind::proceed));
    BOOST_TEST(mta.quarantined.empty());
}

BOOST_AUTO_TEST_SUITE_END()
