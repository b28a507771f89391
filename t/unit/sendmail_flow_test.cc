// The way of mail: lists of addresses, and worlds that fail.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/sendmail/flow.h"
#include "policy/sendmail/recipient.h"

using namespace policy::sendmail;

namespace {

using Words = std::vector<std::string>;

/// A host with one map that says the same of every path.
FlowWorld world(const std::string& map_text)
{
    FlowWorld out;
    out.account = [](const std::string& name) -> std::optional<Account> {
        if (name == "alice" || name == "bob")
            return Account{name, "/home/" + name, 1};
        return std::nullopt;
    };
    out.read = [](const std::string&, const Account*) { return std::nullopt; };
    out.open = [map_text](const std::string& path, bool) {
        return policy::map::fixed(*policy::map::from_text(map_text, path),
                                  path);
    };
    out.host_name = "mx.example.org";
    return out;
}

const Cf cf = Cf::parse(
    "Cwexample.org\nO AliasFile=/a\n"
    "Mlocal, P=/bin/false, F=lsDFMAw5:/|@q\n",
    "test.cf");

std::set<std::string> ends(const Router& router, const std::string& address)
{
    std::set<std::string> out;
    const auto flow = router.route(address).value();
    for (const auto& one : flow.deliveries)
        out.insert(one.mailer + " " + (one.text.empty() ? one.user : one.text));
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sendmail_flow)

BOOST_AUTO_TEST_CASE(lists_of_addresses)
{
    BOOST_TEST(
        address_list("a, \"|prog x, y\" ,b (who)\n# no\n:include:/x\n") ==
            (Words{"a", "|prog x, y", "b", ":include:/x"}),
        boost::test_tools::per_element());
    for (const char* empty : {"", "\n", ",,", "# a", "\"\"", "()"})
        BOOST_TEST(address_list(empty).empty(), empty);
    for (const char* odd : {"\"a", "(a", "a)", "\\"})
        BOOST_CHECK_NO_THROW(address_list(odd));
}

BOOST_AUTO_TEST_CASE(pieces_of_addresses)
{
    BOOST_TEST(parted("<@x,@y:Alice+d@Example.ORG.>").user == "Alice+d");
    BOOST_TEST(parted("<@x,@y:Alice+d@Example.ORG.>").domain == "example.org");
    BOOST_TEST(parted("bob").domain == "");
    BOOST_TEST(filled("%1+%2@%9%%", {"a", "b"}) == "a+b@%");
    BOOST_TEST(error_text("nouser 550 5.1.1 no") == "5.1.1 no");
    BOOST_TEST(error_text("5.7.0:\"550 go away\"") == "go away");
    BOOST_TEST(error_text("") == "");
}

BOOST_AUTO_TEST_CASE(what_it_ends_in)
{
    const auto router =
        Router::make(cf, world("list alice,bob,nobody\nloop pool\npool loop\n"))
            .value();
    BOOST_TEST(ends(router, "<list@example.org>") ==
                   (std::set<std::string>{"local alice", "local bob",
                                          "error User unknown"}),
               boost::test_tools::per_element());
    BOOST_TEST(ends(router, "loop") ==
                   (std::set<std::string>{"error aliasing/forwarding loop "
                                          "broken"}),
               boost::test_tools::per_element());
    BOOST_TEST(router.is_ours("<x@EXAMPLE.org.>"));
    BOOST_TEST(!router.is_ours("x@far.example"));
}

/// A hundred aliases in a row end as a loop, not as a crash.
BOOST_AUTO_TEST_CASE(expansion_is_bounded)
{
    std::string text;
    for (int i = 0; i < 100; ++i)
        text += "a" + std::to_string(i) + " a" + std::to_string(i + 1) + "\n";
    const auto router = Router::make(cf, world(text)).value();
    const auto all = ends(router, "a0");
    BOOST_TEST_REQUIRE(all.size() == 1U);
    BOOST_TEST(all.begin()->starts_with("error aliasing"));
}

BOOST_AUTO_TEST_CASE(a_map_that_cannot_be_read)
{
    auto broken = world("");
    broken.open = [](const std::string&, bool) {
        return policy::map::open_file("/nonexistent/aliases", false);
    };
    const auto router = Router::make(cf, broken).value();
    BOOST_TEST(!router.route("alice"));
}

BOOST_AUTO_TEST_SUITE_END()
