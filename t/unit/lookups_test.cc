#include "policy/filter/lookups.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

using namespace policy;
using namespace policy::filter;
using policy::recipe::Scope;
using Strings = std::vector<std::string>;

BOOST_AUTO_TEST_SUITE(lookups)

BOOST_AUTO_TEST_CASE(keys_of_lookups)
{
    const Strings address = {"from:u@h.d.e", "from:h.d.e", "from:d.e", "from:e",
                             "from:u@"};
    BOOST_TEST(Lookups::keys_of("From:u@H.d.e") == address,
               boost::test_tools::per_element());
    const Strings network = {"192.0.2.1", "192.0.2", "192.0", "192"};
    BOOST_TEST(Lookups::keys_of("192.0.2.1") == network,
               boost::test_tools::per_element());
    BOOST_TEST(Lookups::keys_of("Connect:2001:db8::1").back() ==
               "connect:ipv6:2001");
}

BOOST_AUTO_TEST_CASE(lookups_in_access)
{
    const auto map = map::from_text("From:d.e REJECT\n192.0.2 OK\n", "t");
    BOOST_REQUIRE(map);
    const Lookups lookups{map::fixed(*map, "t"), {{"none", "/nonexistent"}}};
    for (const auto scope : {Scope::site, Scope::user}) {
        const auto find = [&](const char* name, const char* key) {
            return lookups.find(name, key, scope);
        };
        BOOST_TEST(find("access", "From:u@h.d.e")->value() == "REJECT");
        BOOST_TEST(find("access", "192.0.2.77")->value() == "OK");
        BOOST_TEST(!find("access", "To:d.e")->has_value());
        BOOST_TEST(!find("none", "x").has_value());
        BOOST_TEST((find("other", "x").error().code == Errc::usage));
    }
}

BOOST_AUTO_TEST_CASE(lookups_that_recipes_may_not_make)
{
    const auto map = map::from_text(
        "AuthInfo:mx.d.e \"U:a\" \"P:secret\"\nTLS_Srv:d.e VERIFY\n"
        "Filter:d.e OK\nauthinfo REJECT\n",
        "t");
    BOOST_REQUIRE(map);
    const Lookups lookups{map::fixed(*map, "t"), {}};
    const auto found = [&](const char* key, Scope scope) {
        const auto answer = lookups.find("access", key, scope);
        return answer && answer->has_value();
    };
    for (const char* const key :
         {"AuthInfo:mx.d.e", "authinfo:mx.d.e", "AUTHINFO:a.mx.d.e"})
        for (const auto scope : {Scope::site, Scope::domain, Scope::user})
            BOOST_TEST(!found(key, scope), key);
    for (const char* const key :
         {"TLS_Srv:d.e", "Filter:d.e", "filter:a.d.e"}) {
        BOOST_TEST(found(key, Scope::site), key);
        BOOST_TEST(!found(key, Scope::user), key);
    }
    for (const char* const key :
         {"x.authinfo:mx.d.e", "To:x.authinfo:mx.d.e", " AuthInfo:mx.d.e"})
        BOOST_TEST(!found(key, Scope::user), key);
    BOOST_TEST(found("authinfo", Scope::user));  // a host of that name
}

BOOST_AUTO_TEST_SUITE_END()
