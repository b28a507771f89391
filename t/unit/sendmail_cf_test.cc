// What is read from sendmail.cf.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <ostream>

#include "policy/sendmail/cf.h"

using namespace policy::sendmail;
using namespace std::chrono_literals;
namespace data = boost::unit_test::data;

namespace {

constexpr const char* text =
    "# a comment\n"
    "#####  $Id: access_db.m4,v 8.28 $  #####\n"
    "Djmx.example.org\n"
    "D{MTAHost}[127.0.0.1]\n"
    "Cwlocalhost  mail\n"
    "Cw other\n"
    "C{TrustAuthMech}PLAIN\n"
    "Fw-o /etc/mail/local-host-names %[^\\#]\n"
    "F{LocalIP}/etc/ip\n"
    "F{Program}|/bin/list\n"
    "FR@mapped:ldap\n"
    "ESASL_CONF_PATH=/etc/sasl\n"
    "Kaccess hash -T<TMPF> /etc/mail/access\n"
    "Kvirtuser hash -o\n"
    "\t/etc/mail/virtusertable\n"
    "O InputMailFilters=second; first,gone\n"
    "O AliasFile=/etc/mail/aliases, cdb:-o /etc/mail/lists\n"
    "O DaemonPortOptions=Name=MTA, Port=smtp\n"
    "O daemonportoptions=Name=MSA, Port=587, Addr=::1, M=Ea, InputMail=first\n"
    "O RunAsUser=\n"
    "Xfirst, S=unix:/run/first.sock, F=T, T=C:1m;S:2s;E:1h30m\n"
    "Xsecond, S=inet:3333@127.0.0.1\n"
    "Xunused\n"
    "Scheck_rcpt\n"
    "SBasic_check_rcpt=5\n"
    "R$*\t$@ $1\n";

const Cf cf = Cf::parse(text, "test.cf");

struct Time {
    const char* text;
    std::optional<std::chrono::milliseconds> value;

    friend std::ostream& operator<<(std::ostream& out, const Time& time)
    {
        return out << time.text;
    }
};

const Time times[] = {
    {"30", 30s},          {"30s", 30s},       {"5m", 5min},
    {"1h30m", 90min},     {"2d", 48h},        {"1w", 168h},
    {"0", 0ms},           {"", std::nullopt}, {"x", std::nullopt},
    {"-1", std::nullopt}, {" 5m ", 5min},
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sendmail_cf)

BOOST_AUTO_TEST_CASE(filters_in_their_order)
{
    const auto used = cf.input_filters();
    BOOST_TEST_REQUIRE(used.size() == 2U);
    BOOST_TEST(used[0].name == "second");
    BOOST_TEST(used[0].socket == "inet:3333@127.0.0.1");
    BOOST_TEST(used[0].flags == "");
    BOOST_TEST((used[0].end_of_message == 5min));
    BOOST_TEST(used[0].line == 22);
    BOOST_TEST(used[1].flags == "T");
    BOOST_TEST((used[1].end_of_message == 90min));
    BOOST_TEST(cf.mail_filters().size() == 3U);
}

BOOST_AUTO_TEST_CASE(daemons_and_options)
{
    const auto daemons = cf.daemons();
    BOOST_TEST_REQUIRE(daemons.size() == 2U);
    BOOST_TEST(!daemons[0].filters);
    BOOST_TEST(daemons[1].name == "MSA");
    BOOST_TEST(daemons[1].address == "::1");
    BOOST_TEST(daemons[1].modifiers == "Ea");
    BOOST_TEST_REQUIRE(daemons[1].filters.has_value());
    BOOST_TEST(daemons[1].filters->at(0) == "first");
    BOOST_TEST(cf.option("runasuser")->value == "");
    BOOST_TEST(!cf.option("TrustedUser"));
}

BOOST_AUTO_TEST_CASE(maps_and_aliases)
{
    const auto maps = cf.maps();
    BOOST_TEST_REQUIRE(maps.size() == 2U);
    BOOST_TEST(maps[0].path == "/etc/mail/access");
    BOOST_TEST(maps[0].flags == "-T<TMPF>");
    BOOST_TEST(!maps[0].optional);
    BOOST_TEST(maps[1].optional);
    BOOST_TEST(maps[1].path == "/etc/mail/virtusertable");
    BOOST_TEST(maps[1].line == 14);
    const auto aliases = cf.aliases();
    BOOST_TEST_REQUIRE(aliases.size() == 2U);
    BOOST_TEST(aliases[0].kind == "implicit");
    BOOST_TEST(aliases[0].path == "/etc/mail/aliases");
    BOOST_TEST(aliases[1].kind == "cdb");
    BOOST_TEST(aliases[1].optional);
}

BOOST_AUTO_TEST_CASE(classes_macros_and_rulesets)
{
    const auto files = cf.class_files();
    BOOST_TEST_REQUIRE(files.size() == 2U);
    BOOST_TEST(files[0].name == "w");
    BOOST_TEST(files[0].optional);
    BOOST_TEST(files[0].path == "/etc/mail/local-host-names");
    BOOST_TEST(files[0].format == "%[^\\#]");
    BOOST_TEST(files[1].name == "{LocalIP}");
    BOOST_TEST(cf.class_words("w") ==
                   (std::vector<std::string>{"localhost", "mail", "other"}),
               boost::test_tools::per_element());
    BOOST_TEST(cf.class_words("{TrustAuthMech}").at(0) == "PLAIN");
    BOOST_TEST(cf.macro("j")->value == "mx.example.org");
    BOOST_TEST(cf.macro("{MTAHost}")->line == 4);
    BOOST_TEST(!cf.macro("M"));
    BOOST_TEST(cf.environment("SASL_CONF_PATH") == "/etc/sasl");
    BOOST_TEST(cf.comment("access_db.m4") == 2);
    BOOST_TEST(cf.comment("nothing") == 0);
    BOOST_TEST(cf.ruleset("check_rcpt") == 24);
    BOOST_TEST(cf.ruleset("Basic_check_rcpt") == 25);
    BOOST_TEST(cf.ruleset("check") == 0);
}

BOOST_DATA_TEST_CASE(intervals, data::make(times), time)
{
    BOOST_TEST((interval(time.text) == time.value));
}

BOOST_AUTO_TEST_CASE(odd_text_is_no_trouble)
{
    for (const char* odd : {"", "\n", "X", "O", "K", "F", "D", "C", "Xa,", "O=",
                            "K a", "F{x", "D{y", " goes on\n", "O AliasFile"}) {
        const Cf other = Cf::parse(odd, "odd.cf");
        BOOST_TEST(other.input_filters().empty());
        BOOST_TEST(other.daemons().empty());
        BOOST_TEST(other.class_files().empty());
        BOOST_TEST(other.aliases().empty());
    }
    BOOST_TEST(!Cf::read("/nonexistent/sendmail.cf"));
}

BOOST_AUTO_TEST_SUITE_END()
