#include "policy/readings.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;

namespace {

struct Row {
    const char* address;
    std::vector<std::string> readings;
};
std::ostream& operator<<(std::ostream& os, const Row& row)
{
    return os << row.address;
}

const Row rows[] = {
    {"", {""}},
    {"<>", {""}},
    {"<boss>", {"boss"}},
    {"<boss@here.example>", {"boss@here.example"}},
    {"<boss@here.example.>", {"boss@here.example"}},
    {"<\"boss\"@here.example>", {"boss@here.example"}},
    {"<b\\oss@here.example>", {"boss@here.example"}},
    {"<(a (b) c)boss@here.example>", {"boss@here.example"}},
    {"<\"(a)boss\"@here.example>", {"(a)boss@here.example"}},
    {"<@a.example,@b.example:boss@here.example>", {"boss@here.example"}},
    {"<@a.example:boss>", {"boss"}},
    {"<boss%here@free>", {"boss%here@free", "boss@here"}},
    {"<\"boss@here\"@free>", {"boss@here@free", "boss@here"}},
    {"<here!boss@free>", {"here!boss@free", "boss@here"}},
    {"<a!b!u>", {"a!b!u", "b!u@a", "u@b"}},
    {"<a!u%b@c>", {"a!u%b@c", "a!u@b", "u@a"}},
    {"<u%a%b@c>", {"u%a%b@c", "u%a@b", "u@a"}},
    {"<\"u\\\"x\"@c>", {"u\"x@c"}},
    {"<@>", {""}},
};

std::string shortest(std::string_view said)
{
    return std::string{said};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(readings)

BOOST_DATA_TEST_CASE(what_an_address_leads_to, data::make(rows), row)
{
    const auto got = policy::readings(row.address);
    BOOST_TEST(got == row.readings, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(too_many_are_no_address_at_the_end)
{
    std::string address = "u";
    for (int i = 0; i < 100000; ++i)
        address += "%a";
    const auto got = policy::readings(address);
    BOOST_TEST(got.size() == 16U);
    BOOST_TEST(got.back() == "");
}

BOOST_AUTO_TEST_CASE(an_exemption_needs_every_reading)
{
    const auto free = [](const std::string& s) { return s.ends_with("@free"); };
    BOOST_TEST(policy::said_of("<u@free>", shortest, free) == "u@free");
    BOOST_TEST(policy::said_of("<u%here@free>", shortest, free) == "u@here");
    BOOST_TEST(policy::said_of("<u%free@here>", shortest, free) ==
               "u%free@here");
    BOOST_TEST(policy::said_of("<u%free@free>", shortest, free) == "u@free");
    BOOST_TEST(policy::said_of("<u%free%here@free>", shortest, free) ==
               "u%free@here");
}

BOOST_AUTO_TEST_SUITE_END()
