// The way of mail: lists of addresses, and worlds that fail.
#define BOOST_TEST_DYN_LINK
#include <boost/test/unit_test.hpp>

#include "policy/sendmail/flow.h"
#include "policy/sendmail/lookups.h"
#include "policy/sendmail/resolver.h"
#include "policy/sendmail/rewriter.h"
#include "policy/sendmail/rulesets.h"
#include "policy/sendmail/symbols.h"

using namespace policy::sendmail;

namespace {

using Words = std::vector<std::string>;

/// A host with one map that says the same of every path.
FlowWorld world(const std::string& map_text)
{
    FlowWorld out;
    out.account = [](const std::string& name) -> std::optional<Account> {
        if (name == "alice" || name == "bob")
            return Account{name, "/home/" + name, 1, 1};
        return std::nullopt;
    };
    out.read = [](const std::string&, const Account&) {
        AddressFile none;
        none.error = "No such file or directory";
        return none;
    };
    out.open = [map_text](const std::string& path, bool) {
        return policy::map::fixed(*policy::map::from_text(map_text, path),
                                  path);
    };
    out.host_name = "mx.example.org";
    return out;
}

/// As small as one can be that knows its own users.
const char* const rules =
    "Cwexample.org\nO AliasFile=/a\n"
    "Mlocal, P=/bin/false, F=lsDFMAw5:/|@q\n"
    "Mprog, P=/bin/sh, F=lsDFMoqeu9\n"
    "Mesmtp, P=[IPC], F=mDFMuXa\n"
    "Scanonify=3\n"
    "R$* < $+ > $*\t$2\n"
    "R$+ @ $+\t$: $1 < @ $2 >\n"
    "Sfinal=4\n"
    "R$* < @ $+ > $*\t$1 @ $2 $3\n"
    "Sparse=0\n"
    "R$+ < @ $=w >\t$#local $: $1\n"
    "R$+ < @ $+ >\t$#esmtp $@ $2 $: $1 < @ $2 >\n"
    "R$+\t$#local $: $1\n";
const Cf cf = Cf::parse(rules, "test.cf");

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
        address_list("a, \"|prog x, y\" ,b (who, he) , <c>, @d,@e:f") ==
            (Words{"a", "\"|prog x, y\"", "b (who, he)", "<c>", "@d", "@e:f"}),
        boost::test_tools::per_element());
    for (const char* empty : {"", ",,", " , "})
        BOOST_TEST(address_list(empty).empty(), empty);
    for (const char* odd : {"\"a", "(a", "a)", "\\", "<a,b", "a>"})
        BOOST_TEST(address_list(odd).size() == 1U, odd);
}

BOOST_AUTO_TEST_CASE(values_of_maps)
{
    BOOST_TEST(filled("%1+%2@%9%%", {"key", "a", "b"}) == "a+b@%");
    BOOST_TEST(filled("%0 %x %", {"key"}) == "key %x ");
    BOOST_TEST(error_text("550 5.1.1 no") == "no");
    BOOST_TEST(error_text("no such user") == "no such user");
    BOOST_TEST(error_text("") == "");
    BOOST_TEST(dequoted("\"a b\"", '.').value_or("none") == "a.b");
    for (const char* kept :
         {"a", "\"a b\"", "\"a", "\"<a\"", "\"a)\"", "\"a\\"})
        BOOST_TEST(!dequoted(kept, '\0'), kept);
    BOOST_TEST(computed("+", {"1", "2"}).value_or("") == "3");
    BOOST_TEST(computed("l", {"1", "2"}).value_or("") == "TRUE");
    BOOST_TEST(computed("=", {"1", "2"}).value_or("") == "FALSE");
    BOOST_TEST(!computed("/", {"1", "0"}));
    BOOST_TEST(!computed("+", {"1", "x"}));
}

BOOST_AUTO_TEST_CASE(files_of_columns)
{
    const auto blank = [](const char* key, std::size_t k, std::size_t v) {
        return in_columns("# a remark\n  A  one two\nb\nc three\n", key, k, v,
                          '\0')
            .value_or("none");
    };
    BOOST_TEST(blank("a", 0, 1) == "one");
    BOOST_TEST(blank("a", 0, 2) == "two");
    BOOST_TEST(blank("one", 1, 0) == "A");
    BOOST_TEST(blank("b", 0, 1) == "none");
    BOOST_TEST(blank("c", 0, 1) == "three");
    BOOST_TEST(blank("#", 0, 1) == "none");
    BOOST_TEST(in_columns("a::x y\n", "a", 0, 2, ':').value_or("") == "x y");
    BOOST_TEST(in_columns("a::x\n", "a", 0, 1, ':').value_or("none") == "");
    BOOST_TEST(!in_columns("", "a", 0, 1, ':'));
}

BOOST_AUTO_TEST_CASE(macros_in_text)
{
    Macros macros{Cf::parse("DSsmart\nD{Two}$S.b\nDL$L\n", "x"), "mx.a.b"};
    BOOST_TEST(macros.expanded("$w $j $m ${Two} $$ $Q.") ==
               "mx mx.a.b a.b smart.b $ .");
    BOOST_TEST(macros.expanded("$* $1 $={x} $&S $>a $|") ==
               "$* $1 $={x} $&S $>a $|");
    BOOST_TEST(macros.expanded("$?S yes $| no $.$?Q yes $| no $.") ==
               " yes  no ");
    BOOST_CHECK_NO_THROW(macros.expanded("$L $ ${ $? $?S"));
}

/// What stands for what, and which is the shortest.
BOOST_AUTO_TEST_CASE(patterns)
{
    const std::set<std::string> words{"b", "b.c"};
    const MatchWorld asked{
        [&](const std::string& text, const std::string& name) {
            return name == "x" && words.contains(text);
        },
        [](const std::string& name) { return name == "q" ? "a.b" : ""; }};
    const auto parts = [&](const char* pattern, const char* address) {
        const auto all = words_of(address);
        const auto found = match(rule_symbols(pattern, true), all, asked);
        Words out;
        for (const auto& [first, count] :
             found.value_or(std::vector<Matched>{}))
            out.push_back(text_of(SymbolSpan{all}.subspan(first, count), ' '));
        return found ? out : Words{"no"};
    };
    using boost::test_tools::per_element;
    BOOST_TEST(parts("$+ @ $*", "a.b@c.d") == (Words{"a.b", "c.d"}),
               per_element());
    BOOST_TEST(parts("$* . $*", "a.b.c") == (Words{"a", "b.c"}), per_element());
    BOOST_TEST(parts("$- $*", "a") == (Words{"a", ""}), per_element());
    BOOST_TEST(parts("$- @", "a.b@") == Words{"no"}, per_element());
    BOOST_TEST(parts("$=x", "b.c") == Words{"b.c"}, per_element());
    BOOST_TEST(parts("$=x . $+", "b.c") == (Words{"b", "c"}), per_element());
    BOOST_TEST(parts("$~x", "a") == Words{"a"}, per_element());
    BOOST_TEST(parts("$~x", "b") == Words{"no"}, per_element());
    BOOST_TEST(parts("$@", "") == Words{}, per_element());
    BOOST_TEST(parts("$&q $*", "A.B.c") == Words{".c"}, per_element());
    BOOST_TEST(parts("A $*", "a b") == Words{"b"}, per_element());
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
    BOOST_TEST(ends(router, "x@far.example") ==
                   (std::set<std::string>{"esmtp x@far.example"}),
               boost::test_tools::per_element());
    BOOST_TEST(
        ends(router, "|/bin/cat") ==
            (std::set<std::string>{"error Cannot mail directly to programs"}),
        boost::test_tools::per_element());
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

/// Rules that never come to an end, and maps of which nothing is known.
BOOST_AUTO_TEST_CASE(rules_that_fail)
{
    const std::string head = rules;
    for (const char* rule : {"R$+\t$1 x\n", "R$+\t$: $>3 $1\n"}) {
        auto text = head;
        text.insert(text.find("R$* <"), rule);
        const auto router =
            Router::make(Cf::parse(text, "x"), world("")).value();
        const auto all = ends(router, "alice");
        BOOST_TEST_REQUIRE(all.size() == 1U);
        BOOST_TEST(all.begin()->starts_with("error "));
    }
    auto text = head;
    text.insert(text.find("R$* <"), "R$+\t$: $(far $1 $)\n");
    for (const char* map : {"", "Kfar ldap -k x\n", "Kfar sequence far\n"}) {
        const auto router =
            Router::make(Cf::parse(map + text, "x"), world("")).value();
        BOOST_TEST(!router.route("alice"), map);
    }
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
