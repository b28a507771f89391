#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include <chrono>

#include "policy/scan/mime.h"

BOOST_AUTO_TEST_SUITE(scan_mime)

using namespace policy::scan;

BOOST_AUTO_TEST_CASE(boundaries)
{
    const std::pair<const char*, const char*> cases[] = {
        {"Content-Type: multipart/mixed; boundary=abc\r\n\r\n", "abc"},
        {"X: y\r\ncontent-TYPE:MULTIPART/x;\r\n\tBOUNDARY=\"a b\"; z=1\r\n\r\n",
         "a b"},
        {"Content-Type: multipart/mixed; boundary=abc; x=y\r\n\r\n", "abc"},
        {"Content-Type: multipart/x; xboundary=no; boundary = \"a\\b\"\r\n\r\n",
         "ab"},
        {"Content-Type: (c) multipart/x; boundary=(c\\)) \"a(b\"\r\n\r\n",
         "a(b"},
        {"Content-Type : multipart/x; boundary*0=a; boundary*1=b\r\n\r\n",
         "ab"},
        {"Content-Type: text/plain; boundary=abc\r\n\r\n", ""},
        {"X-Content-Type: multipart/mixed; boundary=abc\r\n\r\n", ""},
        {"Content-Type: multipart/mixed\r\n\r\n", ""},
        {"\r\n", ""}};
    for (const auto& [header, want] : cases)
        BOOST_TEST(boundary_of(header) == want, header);
}

const std::string nested =
    "Content-Type: multipart/mixed; boundary=o\r\n\r\npreamble --o\r\n"
    "--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n"
    "--i\r\n\r\none\r\n--i  \r\nX: y\r\n\r\ntwo\r\n--i--\r\n"
    "--o\r\n\r\nthree\r\n--ox\r\n--o--\r\nepilogue\r\n";

std::string bodies_of(std::string_view text, const std::vector<Leaf>& leaves)
{
    std::string out;
    for (const Leaf& leaf : leaves)
        out.append(text.substr(leaf.body, leaf.end - leaf.body)).append("|");
    return out;
}

BOOST_AUTO_TEST_CASE(leaves_in_order)
{
    BOOST_TEST(bodies_of(nested, leaves_of(nested)) ==
               "one|two|three\r\n--ox|");
}

BOOST_AUTO_TEST_CASE(a_leaf_is_replaced_and_nothing_else)
{
    const auto leaves = leaves_of(nested);
    BOOST_REQUIRE(leaves.size() == 3U);
    std::string want = nested;
    want.replace(want.find("X: y\r\n\r\ntwo"), 11, "N: n\r\n\r\ngone");
    BOOST_TEST(replace_leaves(nested, {leaves[1]}, "N: n\r\n\r\ngone") == want);
    BOOST_TEST(replace_leaves(nested, {}, "x") == nested);
}

BOOST_AUTO_TEST_CASE(what_is_no_tree_has_no_leaves)
{
    BOOST_TEST(leaves_of("").empty());
    BOOST_TEST(
        leaves_of("Content-Type: text/plain\r\n\r\n--b\r\n\r\nx").empty());
    BOOST_TEST(leaves_of("Content-Type: multipart/x; boundary=b").empty());
    BOOST_TEST(
        leaves_of("Content-Type: multipart/x; boundary=b\r\n\r\nx").empty());
    std::string wide = "Content-Type: multipart/x; boundary=b\r\n\r\n";
    for (std::size_t i = 0; i <= max_leaves; ++i)
        wide += "--b\r\n\r\nx\r\n";
    BOOST_TEST(leaves_of(wide).empty());
    std::string deep;
    for (unsigned i = 0; i < max_depth + 3; ++i)
        deep += "Content-Type: multipart/x; boundary=b" + std::to_string(i) +
                "\r\n\r\n--b" + std::to_string(i) + "\r\n";
    BOOST_TEST(leaves_of(deep + "\r\nx\r\n").empty());
}

BOOST_AUTO_TEST_CASE(attached_messages_are_parts_and_have_parts)
{
    const std::string text =
        "Content-Type: multipart/mixed; boundary=w\r\n\r\n"
        "--w\r\nContent-Type: message/rfc822\r\n\r\n" +
        nested.substr(0, nested.find("--ox")) +
        "--w\r\nContent-Type: message/rfc822\r\n\r\nSubject: cut\r\n"
        "--w\r\nContent-Type: message/rfc822\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--w--\r\n";
    const auto parts = parts_of(text, 7);
    BOOST_TEST_REQUIRE(parts.has_value());
    const auto bodies = bodies_of(text, *parts);
    BOOST_TEST(bodies.ends_with("|Subject: cut||AAAA|"), bodies);
    BOOST_TEST(parts->size() == 7U);
    BOOST_TEST(!parts_of(text, 6));
    BOOST_TEST(leaves_of(text).size() == 3U);
    BOOST_TEST(bodies_of("A: b\r\n\r\nc", *parts_of("A: b\r\n\r\nc", 1)) ==
               "c|");
}

/// Parts whose own boundaries never come, before lines like delimiters.
BOOST_AUTO_TEST_CASE(time_grows_with_the_length_alone)
{
    std::string text = "Content-Type: multipart/mixed; boundary=o\r\n\r\n";
    const std::string dashes(60, '-');
    for (int i = 0; i < 1500; ++i)
        text += "--o\r\nContent-Type: multipart/x; boundary=" + dashes +
                "z\r\n\r\nAAAA\r\n";
    for (int i = 0; i < 200000; ++i)
        text += dashes + "\r\n";
    const auto begin = std::chrono::steady_clock::now();
    BOOST_TEST(parts_of(text, 2000)->empty());
    BOOST_TEST(leaves_of(text).empty());
    BOOST_TEST(
        (std::chrono::steady_clock::now() - begin < std::chrono::seconds{5}));
}

BOOST_AUTO_TEST_CASE(every_cut_is_harmless)
{
    const std::string empty =
        "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\n--b--";
    for (const Leaf& leaf : leaves_of(empty))
        BOOST_TEST(leaf.body <= leaf.end);
    for (std::size_t n = 0; n < nested.size(); ++n)
        for (const Leaf& leaf : leaves_of(nested.substr(0, n)))
            BOOST_REQUIRE((leaf.begin <= leaf.body && leaf.body <= leaf.end &&
                           leaf.end <= n));
}

BOOST_AUTO_TEST_SUITE_END()
