#include "policy/map/access_lint.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;
using policy::map::lint_access;
using policy::map::LintOptions;

BOOST_AUTO_TEST_SUITE(access_lint)

struct Bad {
    const char *line, *kind, *cause;
};
std::ostream& operator<<(std::ostream& os, const Bad& b)
{
    return os << b.line;
}
const Bad bad[] = {
    {" spam.example REJECT", "refused", "leading blank"},
    {"spam.example", "refused", "no value"},
    {"Connect:192.0.2.0/24 REJECT", "dead", "/"},
    {"Connect:2001:db8::/32 REJECT", "dead", "/"},
    {"Connect:192.0.2. REJECT", "dead", "dot at its end"},
    {"From:.example.net REJECT", "dead", "lookupdotdomain"},
    {"From:*.example.net REJECT", "dead", "wildcard"},
    {"Connect:IPv6:2001:db8:1::5 REJECT", "dead", "in full"},
    {"Connect:2001:db8:1:0:0:0:0:5 REJECT", "dead", "in full"},
    {"Connect:IPv6:2001:db8:: REJECT", "dead", "in full"},
    {"Connect:IPv6:2001:0db8 REJECT", "dead", "leading zeros"},
    {"Connect:IPv6:2001::1:1:1:1:1:1:1:1 REJECT", "dead", "compressed"},
    {"Connect:192.0.02 REJECT", "dead", "02"},
    {"Connect:192.0.256 REJECT", "dead", "256"},
    {"Connect:2001:db8 REJECT", "dead", "need the tag IPv6:"},
    {"2001:db8:1 REJECT", "dead", "need the tag IPv6:"},
    {"Form:spam.example REJECT", "dead", "form:"},
    {"spam.example REJECT # since May", "dangerous", "553"},
    {"spam.example OK#", "dangerous", "553"},
    {"spam.example SKIP", "dangerous", "SKIP"},
    {"spam.example ERROR:", "dangerous", "without a text"},
    {"spam.example ERROR:5.7.1:", "dangerous", "without a text"},
    {"spam.example QUARANTINE:", "dangerous", "without a text"},
    {"spam.example ERROR:\"250 fine\"", "dangerous", "250"},
    {"spam.example 354 go on", "dangerous", "354"},
    {"spam.example ERROR:5.7.1:199 what", "dangerous", "199"},
    {"spam.example ERROR:\"550 50% off\"", "dangerous", "%"},
    {"From:spam.example TEMP", "dangerous", "DNS"},
    {"spam.example REJCT", "dangerous", "no keyword"},
    {"Connect:10 (temporarily off)", "dangerous", "comment"},
    {"spam.example (one) (two (three))", "dangerous", "comment"},
    {"spam.example RELAY (office) x", "dangerous", "553"},
    {"spam.example 550 see (policy", "dangerous", "Unbalanced '('"},
    {"spam.example RELAY (office", "dangerous", "Unbalanced '('"},
    {"spam.example 550 x :) y", "dangerous", "Unbalanced ')'"},
    {"spam.example 550 a>b", "dangerous", "Unbalanced '>'"},
    {"spam.example 550 <a b", "dangerous", "Unbalanced '<'"},
    {"spam.example 550 (a (b) c", "dangerous", "Unbalanced '('"},
    {"spam.example 550 \"unbalanced", "dangerous", "Unbalanced '\"'"},
    {"spam.example ERROR:\"550 a\\\"", "dangerous", "Unbalanced '\"'"},
    {"TLS_Clt:10 VERIFY (a", "dangerous", "Unbalanced"},
    {"From:@example.com REJECT", "dead", "without @"},
    {"@example.com REJECT", "dead", "without @"},
    {"TLS_Rcpt:@example.com VERIFY", "dead", "without @"},
    {"To:<user@example.org> REJECT", "dead", "without < and >"},
    {"From:<> REJECT", "dead", "empty sender"},
    {"From:<@> REJECT", "dead", "empty sender"},
    {"Connect:1.2.3.4.5 REJECT", "dead", "four parts"},
    {"ClientRate:10 abc", "dangerous", "no number"},
    {"ClientConn: -1", "dangerous", "no number"},
    {"TLS_Clt:10 VERIFYY", "dangerous", "no requirement"},
    {"TLS_Srv:mx.example.net ENCR", "dangerous", "no requirement"},
    {"TLS_Srv:mx.example.net ENCR:strong", "dangerous", "no requirement"},
    {"TLS_Rcpt:a.example PERM+VERIFY:", "dangerous", "no requirement"},
    {"TLS_Clt: TEMP+", "dangerous", "no requirement"},
    {"TLS_Clt: VERIFY+", "dangerous", "no requirement"},
    {"Virus:a@example.org a)", "dangerous", "Virus: knows no such action"},
    {"Virus:a@example.org YES", "dangerous", "no such action"},
    {"Virus:a@example.org 250 fine", "dangerous", "no such action"},
    {"Filter:192.0.2 STRIP", "dangerous", "Filter: knows no such action"},
    {"Filter:192.0.2.0/24 OK", "dead", "not written with /"},
    {"Filter:@example.org OK", "dead", "without @"},
    {"Virus:<lab@example.org> OK", "dead", "without < and >"},
};

BOOST_DATA_TEST_CASE(bad_entries, data::make(bad))
{
    const auto found =
        lint_access(std::string{"# one\n"} + sample.line + "\n", {});
    BOOST_REQUIRE_EQUAL(found.size(), 1U);
    BOOST_TEST(found[0].line == 2U);
    BOOST_TEST(name_of(found[0].kind) == sample.kind);
    BOOST_TEST(found[0].cause.find(sample.cause) != std::string::npos,
               found[0].cause);
    BOOST_TEST(!found[0].cure.empty());
}

const char* const good[] = {
    "192.0.2 REJECT",
    "Connect:IPv6:2001:db8 RELAY",
    "Connect:IPv6:2001:db8:0:0:0:0:0:5 OK",
    "Connect:IPv6:0:0:0:0:0:0:0:1 RELAY",
    "Connect:[192.0.2.4] REJECT",
    "From:spam@example.net ERROR:5.7.1:550 go away",
    "To:user+*@example.net ERROR:\"550 5.1.1 no such user\"",
    "From:user@ DISCARD",
    "Spam:postmaster@ FRIEND",
    "example.com QUARANTINE:look at this",
    "example.com 450 later",
    "GreetPause:192.0.2 5000",
    "ClientRate: 10",
    "ClientConn:192.0.2 0",
    "TLS_Srv:mx.example.net ENCR:112",
    "TLS_Srv:mx.example.net PERM+VERIFY:112",
    "TLS_Clt:10 TEMP+ENCR:128",
    "TLS_Clt: VERIFY + CN:mx.example.net++CI:ca",
    "TLS_Rcpt:a@example.net VERIFY",
    "TLS_Srv:old.example.net OK",
    "Compat:a@example.net<@>b@example.org DISCARD",
    "From:\"<a>\"@example.net REJECT",
    "example.com 550 5.7.1 no (really) :-]",
    "example.com 550 see <http://example.org/>",
    "example.com ERROR:\"550 :) > ( <\"",
    "example.com 550 a \\( b",
    "example.com 550 no (a > b) more",
    "Connect:192.0.2 RELAY (the \\) office)",
    "Connect:192.0.3 RELAY(office)",
    "Connect:192.0.4 (office) RELAY",
    "Virus:a@example.org ERROR:5.7.1:\"550 a)\"",
    "Virus:192.0.2 strip",
    "Virus:lab.example.org SKIP",
    "Filter:lists.example.org OK",
    "Filter:a@example.org QUARANTINE:look at this",
    "Filter:mx.example.net 451 4.7.1 later",
    "Filter:trap@example.org ERROR:5.1.1:550 no such user",
    "Filter:trap@example.org DISCARD",
    "AuthInfo:mx \"U:a\" \"P:100%\"",
    "Virus:archive@example.org OK",
    "com REJECT",
};

BOOST_DATA_TEST_CASE(good_entries, data::make(good))
{
    for (const auto& f : lint_access(sample, {}))
        BOOST_ERROR(sample << ": " << f.cause);
}

BOOST_AUTO_TEST_CASE(a_second_line_with_the_same_key_names_the_first)
{
    const auto found = lint_access("a.example OK\n# x\nA.Example REJECT\n", {});
    BOOST_REQUIRE_EQUAL(found.size(), 1U);
    BOOST_TEST(found[0].line == 3U);
    BOOST_TEST(found[0].cause.find("line 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_bare_key_behind_all_its_tagged_ones_is_shadowed)
{
    const char* const dead[] = {
        "192.0.2 REJECT\nconnect:192.0.2 OK\n",
        "IPv6:2001:db8 REJECT\nConnect:IPv6:2001:db8 OK\n",
        "u@a.example REJECT\nFrom:u@a.example OK\nTo:u@a.example OK\n",
        ("A.example REJECT\nConnect:a.example OK\nFrom:a.example OK\n"
         "To:a.example OK\n")};
    for (const char* const text : dead) {
        const auto found = lint_access(text, {});
        BOOST_REQUIRE_EQUAL(found.size(), 1U);
        BOOST_TEST(found[0].line == 1U);
        BOOST_TEST(found[0].cause.find("before it") != std::string::npos);
    }
    BOOST_TEST(
        lint_access("a.example REJECT\nConnect:a.example OK\n", {}).empty());
    BOOST_TEST(lint_access("192.0.2 REJECT\nTo:192.0.2 OK\n", {}).empty());
}

BOOST_AUTO_TEST_CASE(features_make_entries_live)
{
    LintOptions options;
    options.skip = options.dotdomain = true;
    BOOST_TEST(
        lint_access("a.example SKIP\nFrom:.b.example OK\n", options).empty());
    BOOST_TEST(lint_access("From:x@a.example SKIP\n", options).size() == 1U);
    BOOST_TEST(lint_access("From:a.example RELAY\n", options).empty());
    options.relay_mail_from = true;
    BOOST_TEST(lint_access("From:a.example RELAY\n", options).size() == 1U);
}

BOOST_AUTO_TEST_CASE(ipv6_as_the_option_compresses_it)
{
    const LintOptions options{.compressed_ipv6 = true};
    BOOST_TEST(lint_access("Connect:IPv6:2001:db8::1 RELAY\n"
                           "Connect:IPv6:2001:db8 RELAY\n",
                           options)
                   .empty());
    const auto found =
        lint_access("Connect:IPv6:2001:db8:0:0:0:0:0:1 RELAY\n", options);
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST(found[0].cure == "write connect:IPv6:2001:db8::1");
}

BOOST_AUTO_TEST_CASE(a_line_that_is_too_long)
{
    const auto found =
        lint_access("a.example 550 " + std::string(1024, 'x') + "\n", {});
    BOOST_REQUIRE(!found.empty());
    BOOST_TEST(name_of(found[0].kind) == std::string{"refused"});
}

BOOST_AUTO_TEST_SUITE_END()
