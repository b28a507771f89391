// What the login listeners read: JSON, dict lines, datagrams, anvil lines.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "milters/login/anvil.h"
#include "milters/login/datagram.h"
#include "milters/login/dict_protocol.h"
#include "milters/login/http_report.h"
#include "milters/login/intake.h"

namespace data = boost::unit_test::data;
using namespace milters::login;
using Outcome = HttpReport::Outcome;

BOOST_AUTO_TEST_SUITE(login_parse)

struct Body {
    const char* json;
    Outcome outcome;
    const char *ip, *user, *service;
};
std::ostream& operator<<(std::ostream& os, const Body& b)
{
    return os << b.json;
}

const Body reports[] = {
    {R"({"login":"user1","mech":"PLAIN","protocol":"pop3","real":"127.0.0.1",)"
     R"("remote":"192.0.2.7","requested":"user1","secured":"secured",)"
     R"("session":"zD/6","success":true,"policy_reject":false,"tls":false})",
     Outcome::login, "192.0.2.7", "user1", "pop3"},
    {R"({"login":"u","protocol":"imap","remote":"::1","success":true,)"
     R"("policy_reject":true})",
     Outcome::failure, "", "", ""},
    {R"({"login":"u","protocol":"imap","remote":"192.0.2.7","success":false,)"
     R"("policy_reject":false})",
     Outcome::failure, "", "", ""},
    {R"({"protocol":"imap","remote":"2001:db8::1","success":true,)"
     R"("policy_reject":false})",
     Outcome::login, "2001:db8::1", "", "imap"},
    // What must never count: a missing or non-boolean success.
    {R"({"login":"u","protocol":"imap","remote":"192.0.2.7",)"
     R"("policy_reject":false})",
     Outcome::malformed, "", "", ""},
    {R"({"login":"u","protocol":"imap","remote":"192.0.2.7","success":"true",)"
     R"("policy_reject":false})",
     Outcome::malformed, "", "", ""},
    {R"({"login":"u","protocol":"imap","remote":"192.0.2.7","success":1,)"
     R"("policy_reject":false})",
     Outcome::malformed, "", "", ""},
    {R"({"login":"u","protocol":"imap","remote":"192.0.2.7","success":true})",
     Outcome::malformed, "", "", ""},
    {R"({"login":"u","remote":"192.0.2.7","success":true,)"
     R"("policy_reject":false})",
     Outcome::malformed, "", "", ""},
    {R"({"login":"u","protocol":"imap","success":true,"policy_reject":false})",
     Outcome::malformed, "", "", ""},
    {R"([{"success":true}])", Outcome::malformed, "", "", ""},
    {"", Outcome::malformed, "", "", ""},
    {"{", Outcome::malformed, "", "", ""},
    {"null", Outcome::malformed, "", "", ""},
};

BOOST_DATA_TEST_CASE(policy_reports, data::make(reports))
{
    const auto r = parse_policy_report(sample.json, Use::remote);
    BOOST_TEST((r.outcome == sample.outcome));
    BOOST_TEST(r.ip == sample.ip);
    BOOST_TEST(r.user == sample.user);
    BOOST_TEST(r.service == sample.service);
}

BOOST_AUTO_TEST_CASE(real_address_where_wanted)
{
    const char* json =
        R"({"login":"u","protocol":"imap","remote":"192.0.2.7",)"
        R"("real":"198.51.100.1","success":true,"policy_reject":false})";
    BOOST_TEST(parse_policy_report(json, Use::real).ip == "198.51.100.1");
    BOOST_TEST(parse_policy_report(json, Use::remote).ip == "192.0.2.7");
}

BOOST_AUTO_TEST_CASE(deep_json_is_no_stack)
{
    const std::string deep(60000, '[');
    BOOST_TEST(
        (parse_policy_report(deep, Use::real).outcome == Outcome::malformed));
}

const Body events[] = {
    {R"({"event":"auth_request_finished","fields":{"success":"yes",)"
     R"("service":"imap","user":"a","remote_ip":"192.0.2.7"}})",
     Outcome::login, "192.0.2.7", "a", "imap"},
    {R"({"event":"auth_request_finished","fields":{"success":"no",)"
     R"("service":"imap","user":"a","remote_ip":"192.0.2.7"}})",
     Outcome::failure, "", "", ""},
    {R"({"event":"auth_request_finished","fields":{)"
     R"("service":"imap","user":"a","remote_ip":"192.0.2.7"}})",
     Outcome::failure, "", "", ""},
    {R"({"event":"imap_command_finished","fields":{"success":"yes"}})",
     Outcome::ignored, "", "", ""},
    {R"({"event":"auth_request_finished","fields":[]})", Outcome::malformed, "",
     "", ""},
    {R"({"fields":{"success":"yes"}})", Outcome::malformed, "", "", ""},
};

BOOST_DATA_TEST_CASE(exported_events, data::make(events))
{
    const auto r = parse_event(sample.json, Use::remote);
    BOOST_TEST((r.outcome == sample.outcome));
    BOOST_TEST(r.ip == sample.ip);
    BOOST_TEST(r.user == sample.user);
    BOOST_TEST(r.service == sample.service);
}

BOOST_AUTO_TEST_CASE(query_strings)
{
    BOOST_TEST(command_of("command=report") == "report");
    BOOST_TEST(command_of("a=b&command=allow") == "allow");
    BOOST_TEST(command_of("command=report&x=1") == "report");
    BOOST_TEST(command_of("xcommand=report") == "");
    BOOST_TEST(command_of("") == "");
}

BOOST_AUTO_TEST_CASE(basic_authentication)
{
    BOOST_TEST(*basic_password("Basic YW55OnMzY3JldA==") == "s3cret");
    BOOST_TEST(*basic_password("Basic OmE6Yg==") == "a:b");
    BOOST_TEST(!basic_password("Basic YW55"));
    BOOST_TEST(!basic_password("Basic *"));
    BOOST_TEST(!basic_password("Bearer x"));
    BOOST_TEST(*basic_password("Basic Og==") == "");
}

struct Key {
    const char *key, *value, *ip, *user, *service;
    long long when;
};
std::ostream& operator<<(std::ostream& os, const Key& k)
{
    return os << k.key << '=' << k.value;
}

const Key keys[] = {
    {"shared/last-login/192.0.2.7/user1", "1795293260", "192.0.2.7", "user1",
     "", 1795293260},
    {"priv/last-login/2001:db8::1/a/b", "1795293260123", "2001:db8::1", "a/b",
     "", 1795293260},
    {"shared/last-login/imap/192.0.2.7/user1", "1795293260123456", "192.0.2.7",
     "user1", "imap", 1795293260},
    {"shared/last-login/192.0.2.7", "1795293260123456789", "192.0.2.7", "", "",
     1795293260},
};

BOOST_DATA_TEST_CASE(last_login_keys, data::make(keys))
{
    const auto login = parse_last_login({sample.key, sample.value});
    BOOST_REQUIRE(login);
    BOOST_TEST(login->ip == sample.ip);
    BOOST_TEST(login->user == sample.user);
    BOOST_TEST(login->service == sample.service);
    BOOST_TEST(login->when.time_since_epoch().count() == sample.when);
}

BOOST_AUTO_TEST_CASE(other_keys_are_no_logins)
{
    const std::pair<const char*, const char*> others[] = {
        {"shared/last-login/user1", "1795293260"},
        {"shared/last-login/pop3/user1/192.0.2.7", "1795293260"},
        {"last-login/192.0.2.7/user1", "1795293260"},
        {"shared/quota/192.0.2.7/user1", "1795293260"},
        {"shared/last-login/192.0.2.7/user1", "soon"},
        {"shared/last-login/192.0.2.7/user1", "-5"},
        {"shared/last-login/192.0.2.7/user1", ""},
        {"shared/last-login/192.0.2.7/user1", "99999999999999999999999"},
        {"", ""}};
    for (const auto& [key, value] : others)
        BOOST_TEST(!parse_last_login({key, value}), key << '=' << value);
}

BOOST_AUTO_TEST_CASE(a_login_as_dovecot_writes_it)
{
    DictSession s;
    BOOST_TEST(s.line("H3\t2\t0\t\trelayers").reply == "");
    BOOST_TEST(s.line("B1\tuser1").reply == "");
    const auto set =
        s.line("S1\tshared/last-login/192.0.2.7/user1\t1795293260");
    BOOST_TEST(set.reply == "");
    BOOST_TEST(set.committed.empty());
    const auto commit = s.line("C1");
    BOOST_TEST(commit.reply == "O1\n");
    BOOST_REQUIRE(commit.committed.size() == 1U);
    BOOST_TEST(commit.committed[0].key == "shared/last-login/192.0.2.7/user1");
    BOOST_TEST(commit.committed[0].value == "1795293260");
}

BOOST_AUTO_TEST_CASE(transactions_do_not_mix)
{
    DictSession s;
    s.line("B1");
    s.line("B2");
    s.line("S1\ta\t1");
    s.line("S2\tb\t2");
    s.line("S1\tc\t3");
    BOOST_TEST(s.line("R2").reply == "");
    BOOST_TEST(s.line("C2").reply.starts_with("F2\t"));
    BOOST_TEST(s.line("C1").committed.size() == 2U);
    BOOST_TEST(s.line("C1").reply.starts_with("F1\t"));
    BOOST_TEST(s.line("B3").reply == "");
    BOOST_TEST(s.line("D3").reply == "AO3\n");
}

BOOST_AUTO_TEST_CASE(what_waits_is_answered)
{
    DictSession s;
    BOOST_TEST(s.line("Lshared/x").reply == "N\n");
    BOOST_TEST(s.line("I0\t0\tshared/").reply == "\n");
    BOOST_TEST(s.line("Xwhat").reply.starts_with("F"));
    BOOST_TEST(s.line("C1\001n2").reply == "F\tnot a transaction number\n");
    for (const char* quiet : {"U1\tx", "A1\tx\t1", "T1\t2\t3", "S9\tx\ty"})
        BOOST_TEST(s.line(quiet).reply == "", quiet);
}

BOOST_AUTO_TEST_CASE(a_greedy_client_is_bounded)
{
    DictSession s;
    for (std::size_t i = 0; i < DictSession::max_open; ++i)
        BOOST_TEST(s.line("B" + std::to_string(i)).malformed.empty());
    BOOST_TEST(!s.line("B1000").malformed.empty());
    for (std::size_t i = 0; i < DictSession::max_sets; ++i)
        BOOST_TEST(s.line("S1\tx\ty").malformed.empty());
    BOOST_TEST(!s.line("S1\tx\ty").malformed.empty());
}

BOOST_AUTO_TEST_CASE(tab_escapes)
{
    BOOST_TEST(tab_unescape("a\001tb\001nc\001rd\0011e") == "a\tb\nc\rd\001e");
    BOOST_TEST(tab_unescape("\0010") == std::string(1, '\0'));
    BOOST_TEST(tab_unescape("end\001") == "end\001");
}

struct Packet {
    const char *text, *ip, *user, *service;
};
std::ostream& operator<<(std::ostream& os, const Packet& p)
{
    return os << p.text;
}

const Packet packets[] = {
    {"postern-login 1\nip=192.0.2.7\nuser=alice\nservice=pop3\n", "192.0.2.7",
     "alice", "pop3"},
    {"postern-login 1\nservice=imap\nip=::1", "::1", "", "imap"},
    {"postern-login 1\nip=1.2.3.4\nuser=a%0Ab%25\n", "1.2.3.4", "a\nb%", ""},
    {"postern-login 1\nip=1.2.3.4\nuser=a=b\ncolour=red\n", "1.2.3.4", "a=b",
     ""},
};

BOOST_DATA_TEST_CASE(datagrams, data::make(packets))
{
    const auto report = parse_report(sample.text);
    BOOST_REQUIRE(report);
    BOOST_TEST(report->ip == sample.ip);
    BOOST_TEST(report->user == sample.user);
    BOOST_TEST(report->service == sample.service);
}

BOOST_AUTO_TEST_CASE(bad_datagrams)
{
    for (const char* bad :
         {"", "ip=1.2.3.4\n", "postern-login 2\nip=1.2.3.4\n",
          "postern-login 1\nuser=a\n", "postern-login 1\nip=1.2.3.4\nuser\n",
          "postern-login 1\nip=1.2.3.4\nip=6.6.6.6\n",
          "postern-login 1\nip=1.2.3.4\nuser=a\nuser=b\n",
          "postern-login 1\nip=1.2.3.4\nuser=%4\n",
          "postern-login 1\nip=1.2.3.4\nuser=%zz\n",
          "postern-login 1\nip=1.2.3.4\nuser=%\n"})
        BOOST_TEST(!parse_report(bad), bad);
}

BOOST_AUTO_TEST_CASE(anvil_lines)
{
    const auto s = parse_session("imap/192.0.2.7/a/b\t123\t1");
    BOOST_REQUIRE(s);
    BOOST_TEST(s->service == "imap");
    BOOST_TEST(s->ip == "192.0.2.7");
    BOOST_TEST(s->user == "a/b");
    BOOST_TEST(parse_session("imap/2001:db8::1/u\t1\t2")->ip == "2001:db8::1");
    BOOST_TEST(!parse_session("imap/only\t1\t1"));
    BOOST_TEST(!parse_session(""));
}

struct Proof {
    const char *user, *method;
    bool anonymous;
};
std::ostream& operator<<(std::ostream& os, const Proof& p)
{
    return os << p.user << " by " << p.method;
}

const Proof proofs[] = {
    {"alice", "PLAIN", false},
    {"alice", "", false},
    {"", "", false},
    {"anonymouse", "PLAIN", false},
    {"not.anonymous@example.org", "PLAIN", false},
    {"guest", "ANONYMOUS", true},
    {"guest", "anonymous", true},
    {"guest", "ANONYMOUS+TLS", true},
    {"anonymous", "", true},
    {"ANONYMOUS", "PLAIN", true},
    {"anonymous@example.org", "PLAIN", true},
    // Cyrus, told a password that looks like the rest of the line
    {"anonymous bob", "plaintext", true},
};

BOOST_DATA_TEST_CASE(anonymous_logins, data::make(proofs))
{
    BOOST_TEST(is_anonymous(sample.user, sample.method) == sample.anonymous);
}

BOOST_AUTO_TEST_CASE(names_of_services)
{
    for (const char* pop : {"pop3", "POP3S", "ipop3d", "popper", "qpopper"})
        BOOST_TEST(service_name(pop) == "pop3", pop);
    for (const char* imap : {"imap", "IMAPS", "imapd", "imap-login"})
        BOOST_TEST(service_name(imap) == "imap", imap);
    BOOST_TEST(service_name("smtp") == "smtp");
    BOOST_TEST(service_name("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
