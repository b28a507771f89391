// Postfix's main.cf and master.cf.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/postfix/main_cf.h"

using namespace policy::postfix;
using boost::test_tools::per_element;

namespace {

using Words = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(postfix_main_cf)

BOOST_AUTO_TEST_CASE(settings)
{
    const auto s = Settings::parse(
        "# remark\n"
        "a = one,\n"
        "# in between\n"
        "   two\tthree\n"
        "\n"
        "b=$a ${c} $(c)x\n"
        "c = see\n"
        "d = ${c?{yes $c}} ${c:no}${none?yes}${none:{no}} $$\n"
        "loop = $loop\n"
        "a2 = { unix:/x, default_action=accept }, inet:h:1\n"
        "c = sea\n",
        "/m");
    BOOST_TEST(s.raw("a").line == 2);
    BOOST_TEST(s.words("a") == (Words{"one", "two", "three"}), per_element());
    BOOST_TEST(s.value("b") == "one, two\tthree sea seax");
    BOOST_TEST(s.value("d") == "yes sea no $");
    BOOST_TEST(s.value("loop") == "");
    BOOST_TEST(s.raw("c").line == 11);
    BOOST_TEST(
        s.words("a2") == (Words{"unix:/x, default_action=accept", "inet:h:1"}),
        per_element());
    BOOST_TEST(s.value("milter_default_action") == "tempfail");
    BOOST_TEST(s.raw("milter_default_action").line == 0);
    BOOST_TEST(s.value("none") == "");
}

BOOST_AUTO_TEST_CASE(services)
{
    const auto all = parse_services(
        "smtp inet n - y - - smtpd\n"
        "# remark\n"
        "submission inet n - - - - smtpd\n"
        "  -o a=b,c -o { d = e f }\n"
        "  -og=h -v\n"
        "short line\n",
        "/x");
    BOOST_TEST_REQUIRE(all.size() == 2U);
    BOOST_TEST(all[0].chroot == 'y');
    BOOST_TEST(all[1].name == "submission");
    BOOST_TEST(all[1].command == "smtpd");
    BOOST_TEST(all[1].line == 3);
    BOOST_TEST(all[1].overrides.size() == 3U);
    BOOST_TEST(all[1].overrides.at("a").value == "b,c");
    BOOST_TEST(all[1].overrides.at("d").value == "e f");
    BOOST_TEST(all[1].overrides.at("g").value == "h");
    BOOST_TEST(all[1].overrides.at("a").line == 3);
}

/// What is broken off anywhere does no harm.
BOOST_AUTO_TEST_CASE(torn_text)
{
    const std::string text =
        "a = ${b?{x $(c)}} { d, e\nb = {\n c } } = $ $( ${\n- - - - - - - x "
        "-o {";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const auto s = Settings::parse(text.substr(0, size), "/m");
        for (const auto& [name, setting] : s.all())
            BOOST_CHECK_NO_THROW(s.words(name));
        BOOST_CHECK_NO_THROW(parse_services(text.substr(0, size), "/x"));
    }
}

BOOST_AUTO_TEST_SUITE_END()
