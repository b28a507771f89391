#include "policy/tokens.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;
using namespace policy;

BOOST_AUTO_TEST_SUITE(tokens)

struct Cut {
    const char* text;
    const char* tokens;  ///< separated by |
};
std::ostream& operator<<(std::ostream& os, const Cut& c)
{
    return os << c.text;
}

std::string shown(const Tokens& tokens)
{
    std::string out;
    for (const Token t : tokens)
        (out += out.empty() ? "" : "|").append(t);
    return out;
}

const Cut cuts[] = {
    {"", ""},
    {"  ", ""},
    {"user@example.org", "user|@|example|.|org"},
    {"<a+b%c!d@[192.0.2.1]>", "<|a|+|b|%|c|!|d|@|[|192|.|0|.|2|.|1|]|>"},
    {"a/b^c:d", "a|/|b|^|c|:|d"},
    {"two  words\tthree", "two|words|three"},
    {"\"a b@c\"@d", "\"a b@c\"|@|d"},
    {"a\"b\"c", "a|\"b\"|c"},
    {"\"open", "\"open\""},
    {"\"a\\\"b\"x", "\"a\\\"b\"|x"},
    {"a\\@b", "a\\@b"},
    {"a\\!b", "a|!|b"},
    {"end\\", "end"},
    {"\"open\\", "\"open\\\"\""},
    {"<a\\", "<|a\\>|>"},
    {"a(remark)b", "a|b"},
    {"a(b(c)d)e", "a|e"},
    {"a(b\\)c)d", "a|d"},
    {"(open", ""},
    {"a)b", "ab"},
    {"a>b", "ab"},
    {"<<a>", "<|<|a|>|>"},
    {"caf\xe9@x", "caf\xe9|@|x"},
    {"a,b;c", "a|,|b|;|c"},
};

BOOST_DATA_TEST_CASE(cut_as_sendmail_cuts, data::make(cuts))
{
    std::pmr::monotonic_buffer_resource memory;
    BOOST_TEST(shown(tokenise(sample.text, &memory)) == sample.tokens);
}

BOOST_AUTO_TEST_CASE(written_back_with_one_blank_between_words)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto t = tokenise("550 go  away,  now. \"see us\" x", &memory);
    BOOST_TEST(joined(t) == "550 go away,now.\"see us\"x");
    BOOST_TEST(joined(tokenise("a b", &memory), '.') == "a.b");
    BOOST_TEST(without_quotes("\"see \\\"us\\\"\" x") == "see \"us\" x");
}

BOOST_AUTO_TEST_CASE(comparing_and_finding)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto t = tokenise("A.b.A", &memory);
    BOOST_TEST(find(t, "a") == 0U);
    BOOST_TEST(find(t, "a", 1) == 4U);
    BOOST_TEST(find(t, "c") == npos);
    BOOST_TEST(same(t, tokenise("a.B.a", &memory)));
    BOOST_TEST(!same(t, tokenise("a.B", &memory)));
    BOOST_TEST(same(Token{"\xc9x"}, Token{"\xc9X"}));
    BOOST_TEST(!same(Token{"\xc9"}, Token{"\xe9"}));
}

BOOST_AUTO_TEST_CASE(a_phrase_knows_where_its_tokens_are)
{
    std::pmr::monotonic_buffer_resource memory;
    Phrase p{tokenise("One two.Three", &memory), ' ', true, &memory, 2};
    BOOST_TEST(p.size() == 4U);
    BOOST_TEST(p.all() == "one two.three");
    BOOST_TEST(p.from(1) == "two.three");
    BOOST_TEST(p.slice(0, 1) == "one");
    BOOST_TEST(p.slice(0, 2) == "one two");
    BOOST_TEST(p.slice(2, 2).empty());
    BOOST_TEST(p.start(3) == p.all().data() + 8);
    BOOST_TEST(p.start(4) == p.all().data() + p.all().size());
    p.start(0)[-2] = p.start(0)[-1] = '.';  // room asked for
    BOOST_TEST(p.all() == "one two.three");
}

BOOST_AUTO_TEST_SUITE_END()
