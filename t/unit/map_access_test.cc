#include "policy/map/access.h"

#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include "policy/map/text.h"

namespace data = boost::unit_test::data;
using namespace policy;
using namespace policy::map;

BOOST_AUTO_TEST_SUITE(map_access)

struct Row {
    const char* about;
    Lookup lookup;
    const char* key;
    const char* entries;  ///< makemap text
    const char* options;  ///< letters: s skip, d lookupdotdomain, ! tagged only
    const char* found;    ///< "key=value", or "" for nothing
    const char* asked;    ///< last key asked for
};
std::ostream& operator<<(std::ostream& os, const Row& r)
{
    return os << r.about;
}

const Row rows[] = {
    {"the name itself", Lookup::domain, "a.example.com",
     "Tag:a.example.com OK\n", "", "Tag:a.example.com=OK", "tag:a.example.com"},
    {"a parent", Lookup::domain, "a.example.com", "Tag:com OK\n", "",
     "Tag:com=OK", "tag:com"},
    {"a deeper entry without tag wins", Lookup::domain, "a.example.com",
     "Tag:example.com OK\na.example.com NO\n", "", "a.example.com=NO",
     "a.example.com"},
    {"no entry", Lookup::domain, "a.example", "", "", "", "example"},
    {"tagged only", Lookup::domain, "a.example", "a.example OK\n", "!", "",
     "tag:example"},
    {"case of name and entry", Lookup::domain, "A.Example",
     "tAG:eXAMPLE Reject\n", "", "Tag:Example=Reject", "tag:example"},
    {"SKIP ends the walk", Lookup::domain, "a.example.com",
     "Tag:example.com SKIP\nTag:com OK\n", "s", "", "tag:example.com"},
    {"SKIP without the option", Lookup::domain, "example.com",
     "Tag:example.com SKIP\n", "", "Tag:example.com=SKIP", "tag:example.com"},
    {"dot domain", Lookup::domain, "a.example.com", "Tag:.example.com OK\n",
     "d", "Tag:.example.com=OK", "tag:.example.com"},
    {"dot domain is not the domain", Lookup::domain, "example.com",
     "Tag:.example.com OK\n", "d", "", "com"},
    {"without the option no dot", Lookup::domain, "a.example.com",
     "Tag:.example.com OK\n", "", "", "com"},
    {"literal", Lookup::domain, "[192.0.2.4]", "Tag:[192.0.2] OK\n", "",
     "Tag:[192.0.2]=OK", "tag:[192.0.2]"},
    {"literal to its first part", Lookup::domain, "[192.0.2.4]", "", "", "",
     "[192]"},
    {"IPv6 literal", Lookup::domain, "[IPv6:1:2:3]", "Tag:[IPv6:1] OK\n", "",
     "Tag:[IPv6:1]=OK", "tag:[ipv6:1]"},
    {"address", Lookup::address, "192.0.2.4", "Tag:192.0.2 OK\n", "",
     "Tag:192.0.2=OK", "tag:192.0.2"},
    {"address by whole parts", Lookup::address, "192.0.22.4",
     "Tag:192.0.2 OK\n", "", "", "192"},
    {"a trailing dot is dead", Lookup::address, "192.0.2.4",
     "Tag:192.0.2. OK\n", "", "", "192"},
    {"IPv6", Lookup::address, "IPv6:2001:db8:0:0:0:0:0:1",
     "Tag:IPv6:2001:db8 OK\n", "", "Tag:IPv6:2001:db8=OK", "tag:ipv6:2001:db8"},
    {"compressed IPv6 is dead", Lookup::address, "IPv6:2001:db8:0:0:0:0:0:1",
     "Tag:IPv6:2001:db8::1 OK\n", "", "", "ipv6"},
    {"a comment alone is the key", Lookup::address, "192.0.2.4",
     "Tag:192.0.2 (off)\n", "", "Tag:192.0.2=192.0.2", "tag:192.0.2"},
    {"full address", Lookup::full, "user@example.org",
     "Tag:user@example.org OK\n", "", "Tag:user@example.org=OK",
     "tag:user@example.org"},
    {"detail with star", Lookup::full, "user+x@example.org",
     "user+*@example.org OK\n", "", "user+*@example.org=OK",
     "user+*@example.org"},
    {"detail left out", Lookup::full, "user+x@example.org",
     "Tag:user@example.org OK\n", "", "Tag:user@example.org=OK",
     "tag:user@example.org"},
    {"split at the first plus", Lookup::full, "user+a+b@example.org",
     "Tag:user+a@example.org NO\n", "", "", "user@example.org"},
    {"empty detail counts", Lookup::full, "user+@example.org",
     "Tag:user+*@example.org OK\n", "", "Tag:user+*@example.org=OK",
     "tag:user+*@example.org"},
    {"a plus in front is no detail", Lookup::full, "+x@example.org", "", "", "",
     "+x@example.org"},
    {"a quoted local part has no detail", Lookup::full, "\"a+b\"@example.org",
     "Tag:a@example.org NO\n", "", "", "a+b@example.org"},
    {"SKIP is no word here", Lookup::full, "user@example.org",
     "Tag:user@example.org SKIP\n", "s", "Tag:user@example.org=SKIP",
     "tag:user@example.org"},
    {"user", Lookup::user, "user+x@", "Tag:user@ OK\n", "", "Tag:user@=OK",
     "tag:user@"},
    {"exact", Lookup::exact, "a.b", "b OK\n", "", "", "a.b"},
    {"a question mark is no value", Lookup::domain, "a.b",
     "Tag:a.b ?\nTag:b OK\n", "", "Tag:b=OK", "tag:b"},
};

AccessOptions options_of(std::string_view letters)
{
    return {letters.find('s') != npos, letters.find('d') != npos};
}

BOOST_DATA_TEST_CASE(lookups, data::make(rows))
{
    std::pmr::monotonic_buffer_resource memory;
    const auto map = read_text(sample.entries, "access");
    Probes probes;
    const Access access{map.table.get(), options_of(sample.options), &memory,
                        &probes};
    const auto mark = std::string_view{sample.options}.find('!') == npos
                          ? Mark::bare_too
                          : Mark::tagged_only;
    const auto found =
        access.find(sample.lookup, tokenise(sample.key, &memory), "Tag", mark);
    std::string got;
    if (found.state == Found::State::value)
        got = found.full_key() + "=" + joined(found.value);
    BOOST_TEST(got == sample.found);
    BOOST_REQUIRE(!probes.empty());
    BOOST_TEST(probes.back() == sample.asked);
}

BOOST_AUTO_TEST_CASE(order_of_questions)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto map = read_text("", "access");
    Probes probes;
    const Access access{map.table.get(), {false, true}, &memory, &probes};
    access.find(Lookup::domain, tokenise("a.b.c", &memory), "Connect",
                Mark::bare_too);
    access.find(Lookup::user, tokenise("u+d@", &memory), "To", Mark::bare_too);
    const Probes want = {"connect:a.b.c", "a.b.c", "connect:.b.c", ".b.c",
                         "connect:b.c",   "b.c",   "connect:.c",   ".c",
                         "connect:c",     "c",     "to:u+d@",      "u+d@",
                         "to:u+*@",       "u+*@",  "to:u@",        "u@"};
    BOOST_TEST(probes == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_list_ends_with_the_first_hit)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto map = read_text("Tag:u@ second\nTag:d third\n", "access");
    const Access access{map.table.get(), {}, &memory};
    const auto full = tokenise("u@d", &memory);
    const auto user = tokenise("u@", &memory);
    const auto domain = tokenise("d", &memory);
    const auto found = access.search(
        {{Lookup::full, full}, {Lookup::user, user}, {Lookup::domain, domain}},
        "Tag", Mark::bare_too);
    BOOST_TEST(found.is("second"));
}

BOOST_AUTO_TEST_CASE(an_unreadable_map_fails_at_the_first_question)
{
    std::pmr::monotonic_buffer_resource memory;
    Probes probes;
    const Access access{nullptr, {}, &memory, &probes};
    const auto found = access.find(Lookup::domain, tokenise("a.b.c", &memory),
                                   "Tag", Mark::bare_too);
    BOOST_TEST((found.state == Found::State::failed));
    BOOST_TEST(probes.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_key_in_a_value)
{
    std::pmr::monotonic_buffer_resource memory;
    const auto map = read_text("tag:x.y 550 %0 %1|%%|%a|100%\n", "access");
    const Access access{map.table.get(), {}, &memory};
    const auto found = access.one("Tag", tokenise("X.y", &memory));
    BOOST_TEST(joined(found.value) == "550 Tag:X.y |%|%a|100%");
}

BOOST_AUTO_TEST_SUITE_END()
