#include "policy/map/text.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>
#include <map>

using policy::map::read_text;
using policy::map::Table;

BOOST_AUTO_TEST_SUITE(map_text)

BOOST_AUTO_TEST_CASE(keys_are_folded_and_values_kept)
{
    const auto map = read_text(
        "# comment\n\nConnect:192.0.2\tREJECT # spam \nA\v \tb  c  \n",
        "access");
    BOOST_TEST(map.complaints.empty());
    BOOST_TEST(map.table->size() == 2U);
    BOOST_TEST(*map.table->find("connect:192.0.2") == "REJECT # spam ");
    BOOST_TEST(*map.table->find("a") == "b  c  ");
    BOOST_TEST(!map.table->find("A"));
}

BOOST_AUTO_TEST_CASE(bad_lines_are_named_and_left_out)
{
    const auto map = read_text(
        "a OK\n b OK\nc\nd \t \nA RELAY\n" + std::string(1023, 'x') + "\ne 1\n",
        "access");
    const std::vector<std::string> want = {
        "access:2: leading blank", "access:3: no value", "access:4: no value",
        "access:5: duplicate key A", "access:6: line too long"};
    BOOST_TEST(map.complaints == want, boost::test_tools::per_element());
    BOOST_TEST(*map.table->find("a") == "OK");
    BOOST_TEST(*map.table->find("e") == "1");
    BOOST_TEST(map.table->size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_longest_line_and_what_follows_a_longer_one)
{
    const std::string value(1020, 'v');
    const auto fits = read_text("k " + value, "m");
    BOOST_TEST(fits.complaints.empty());
    BOOST_TEST(*fits.table->find("k") == value);
    const auto longer = read_text("k " + value + "vnext one\n", "m");
    BOOST_TEST(longer.complaints.size() == 1U);
    BOOST_TEST(*longer.table->find("next") == "one");
}

BOOST_AUTO_TEST_CASE(a_nul_ends_a_line)
{
    using namespace std::string_literals;
    const auto map = read_text("a one\0two\nb x\n"s, "m");
    BOOST_TEST(*map.table->find("a") == "one");
    BOOST_TEST(*map.table->find("b") == "x");
}

BOOST_AUTO_TEST_CASE(strict_reading_names_the_first_bad_line)
{
    BOOST_TEST(policy::map::from_text("a 1\nb\nc\n", "m").error().text ==
               "m:2: no value");
    BOOST_TEST((*policy::map::from_text("a 1\na 2\n", "m"))->size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_table_holds_what_a_map_holds)
{
    Table::Builder builder;
    std::map<std::string, std::string> want;
    for (int i = 0; i < 5000; ++i) {
        const auto key = std::string(static_cast<size_t>(i % 21), 'k') +
                         std::to_string(i % 3000);
        const bool added = builder.add(key, std::to_string(i));
        BOOST_TEST(added == want.emplace(key, std::to_string(i)).second);
    }
    BOOST_TEST(builder.add("", "empty key"));
    want.emplace("", "empty key");
    const auto table = std::move(builder).finish();
    std::map<std::string, std::string> got;
    table->for_each(
        [&](std::string_view k, std::string_view v) { got.emplace(k, v); });
    BOOST_TEST((got == want));
    for (const auto& [key, value] : want)
        BOOST_TEST(*table->find(key) == value);
    BOOST_TEST(!table->find("kk"));
    BOOST_TEST(!Table::Builder{}.finish()->find("x"));
}

BOOST_AUTO_TEST_SUITE_END()
