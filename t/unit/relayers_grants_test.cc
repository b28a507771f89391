#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>

#include "policy/map/text.h"
#include "policy/relayers/grant_set.h"
#include "policy/relayers/grant_text.h"
#include "policy/relayers/journal.h"
#include "policy/relayers/width.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace policy::relayers;
using policy::ClientAddr;
using policy::Network;
using policy::Seconds;
using std::chrono::seconds;

namespace {

Seconds at(std::int64_t ticks)
{
    return Seconds{seconds{ticks}};
}

Network net(const char* text)
{
    return *Network::parse(text);
}

ClientAddr ip(const char* text)
{
    return *ClientAddr::parse(text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relayers_text)

struct Case {
    const char* name;
    Grant grant;
    const char *key, *value;
};
std::ostream& operator<<(std::ostream& os, const Case& c)
{
    return os << c.name;
}
const Case cases[] = {
    {"as 1.1.0",
     {net("10.11.12.13"), at(906502527)},
     "10.11.12.13",
     "906502527"},
    {"user and service",
     {net("192.0.2.8"), at(906502527), "bob", "pop3"},
     "192.0.2.8",
     "906502527 user=bob proto=pop3"},
    {"network",
     {net("192.0.2.0/24"), at(0), "", "", at(1700000000)},
     "192.0.2.0/24",
     "0 until=1700000000"},
    {"IPv6", {net("2001:db8::5"), at(1)}, "ipv6:2001:db8:0:0:0:0:0:5", "1"},
    {"prefix that a login opened",
     {net("2001:db8::/64"), at(1), "bob", "imap", {}, "", ip("2001:db8::5")},
     "ipv6:2001:db8:0:0:0:0:0:0/64",
     "1 user=bob proto=imap opener=ipv6:2001:db8:0:0:0:0:0:5"},
    {"odd octets",
     {net("192.0.2.8"), at(1), "b b\t%\n\xc3\xbc=", "", {}, "a = b"},
     "192.0.2.8",
     "1 user=b%20b%09%25%0A%C3%BC= reason=a%20=%20b"},
    {"what sendmail would miss a twin of",
     {net("192.0.2.8"), at(1), "\"a", "", {}, "fair (Basel) <x> \\"},
     "192.0.2.8",
     "1 user=%22a reason=fair%20%28Basel%29%20%3Cx%3E%20%5C"},
    {"the last time",
     {net("0.0.0.0/0"), at(max_ticks)},
     "0.0.0.0/0",
     "253402300799"},
};

BOOST_DATA_TEST_CASE(key_and_value, data::make(cases))
{
    BOOST_TEST(key_of(sample.grant.network) == sample.key);
    const auto value = value_of(sample.grant);
    BOOST_REQUIRE_MESSAGE(value, why(value));
    BOOST_TEST(*value == sample.value);
    const auto back = grant_of(sample.key, sample.value);
    BOOST_REQUIRE(back);
    BOOST_TEST((*back == sample.grant));
}

const char* const spellings[] = {
    "2001:db8::5", "2001:DB8::5", "IPv6:2001:db8::5",
    "ipv6:2001:db8:0:0:0:0:0:5", "[IPV6:2001:0db8::0005]"};

BOOST_DATA_TEST_CASE(any_spelling_of_ipv6, data::make(spellings))
{
    const auto network = network_of(sample);
    BOOST_REQUIRE(network);
    BOOST_TEST(key_of(*network) == "ipv6:2001:db8:0:0:0:0:0:5");
}

struct Bad {
    const char *key, *value;
};
std::ostream& operator<<(std::ostream& os, const Bad& b)
{
    return os << b.key << " " << b.value;
}
const Bad no_grants[] = {
    {"192.0.2.1", ""},
    {"192.0.2.1", "ok"},
    {"192.0.2.1", "-1"},
    {"192.0.2.1", "+1"},
    {"192.0.2.1", "0x10"},
    {"192.0.2.1", "1.5"},
    {"192.0.2.1", "253402300800"},
    {"192.0.2.1", "99999999999999999999"},
    {"192.0.2.1", "user=bob"},
    {"192.0.2.1", "1 until=never"},
    {"192.0.2.1", "1 until="},
    {"example.net", "906502527"},
    {"192.0.2", "906502527"},
    {"192.0.2.1/24", "906502527"},
    {"", "906502527"},
};

BOOST_DATA_TEST_CASE(damaged_entries_are_no_grants, data::make(no_grants))
{
    BOOST_TEST(!grant_of(sample.key, sample.value));
}

BOOST_AUTO_TEST_CASE(unknown_words_are_skipped)
{
    const auto grant =
        grant_of("192.0.2.1", " 5\t# by hand  color=red user=bob% x");
    BOOST_REQUIRE(grant);
    BOOST_TEST(grant->user == "bob%");
    BOOST_TEST((grant->login == at(5)));
}

/// A name of `n` octets without a long token.
std::string dotted(std::size_t n)
{
    std::string name(n, 'u');
    for (std::size_t i = 200; i < n; i += 200)
        name[i] = '.';
    return name;
}

BOOST_AUTO_TEST_CASE(length_limit)
{
    Grant grant{net("192.0.2.1"), at(1)};
    const auto length_with = [&](std::size_t n) {
        grant.user = dotted(n);
        return value_of(grant);
    };
    const std::size_t words = std::string_view{"1 user="}.size();
    BOOST_TEST(length_with(max_value - words).has_value());
    BOOST_TEST(!length_with(max_value - words + 1));
    grant.user = std::string(255, '\xff');  // the longest that logs in
    BOOST_TEST(value_of(grant).has_value());
    const std::size_t word = std::string_view{"user="}.size();
    grant.user = std::string(max_token - word, 'u');
    BOOST_TEST(value_of(grant).has_value());
    grant.user += 'u';
    BOOST_TEST(!value_of(grant));
    for (const auto ticks : {std::int64_t{-1}, max_ticks + 1})
        BOOST_TEST(!value_of({net("192.0.2.1"), at(ticks)}));
}

// What is written survives `dump` and makemap.
BOOST_AUTO_TEST_CASE(makemap_takes_the_longest_value)
{
    Grant grant{net("2001:db8:1111:2222:3333:4444:5555:6666"), at(max_ticks)};
    grant.user = dotted(880);
    const std::string line =
        key_of(grant.network) + "\t" + *value_of(grant) + "\n";
    const auto map = policy::map::from_text(line, "t");
    BOOST_REQUIRE_MESSAGE(map, why(map));
    BOOST_TEST((*map)->find(key_of(grant.network)).value() == *value_of(grant));
}

struct Standings {
    const char* name;
    std::int64_t login, expires, now, window;
    bool valid;
};
std::ostream& operator<<(std::ostream& os, const Standings& s)
{
    return os << s.name;
}
const Standings standings[] = {
    {"just now", 1000, 0, 1000, 1800, true},
    {"last second", 1000, 0, 2799, 1800, true},
    {"window over", 1000, 0, 2800, 1800, false},
    {"pin", 5000, 0, 1000, 1800, true},
    {"no window", 1, 0, 253402300799, 0, true},
    {"own end not yet", 1000, 9000, 8999, 1800, true},
    {"own end", 1000, 9000, 9000, 0, false},
    {"own end before the window's", 1000, 1010, 1010, 1800, false},
};

BOOST_DATA_TEST_CASE(how_a_grant_stands, data::make(standings))
{
    Grant grant{net("192.0.2.1"), at(sample.login)};
    if (sample.expires)
        grant.expires = at(sample.expires);
    const bool valid = standing(grant, at(sample.now),
                                seconds{sample.window}) == Standing::valid;
    BOOST_TEST(valid == sample.valid);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(relayers_set)

BOOST_AUTO_TEST_CASE(narrowest_that_is_valid)
{
    GrantSet set;
    set.put({net("10.0.0.0/8"), at(1000), "wide"});
    set.put({net("10.1.0.0/16"), at(500), "middle"});
    set.put({net("10.1.2.3"), at(100), "host"});
    const auto user = [&](std::int64_t now) {
        return set.find(ip("10.1.2.3"), at(now), seconds{300})->user;
    };
    BOOST_TEST(user(200) == "host");
    BOOST_TEST(user(600) == "middle");
    BOOST_TEST(user(1100) == "wide");
    BOOST_TEST(user(9999) == "host");  // none is: the narrowest that was
    BOOST_TEST(!set.find(ip("11.0.0.1"), at(0), seconds{0}));
    BOOST_TEST(!set.find(ip("::a01:203"), at(0), seconds{0}));
    BOOST_TEST(!set.find(ClientAddr{}, at(0), seconds{0}));
    BOOST_TEST(!set.find(ClientAddr::unix_socket(), at(0), seconds{0}));
}

BOOST_AUTO_TEST_CASE(families_do_not_mix)
{
    GrantSet set;
    set.put({net("2000::/16"), at(1), "six"});
    BOOST_TEST(!set.find(ip("192.0.2.1"), at(1), seconds{0}));
    BOOST_TEST(set.find(ip("2000:db8::1"), at(1), seconds{0})->user == "six");
    set.put({net("192.0.0.0/8"), at(1), "four"});
    BOOST_TEST(set.find(ip("192.0.2.1"), at(1), seconds{0})->user == "four");
    BOOST_TEST(set.find(ip("::ffff:192.0.2.1"), at(1), seconds{0})->user ==
               "four");
    BOOST_TEST(set.networks() == 2U);
    BOOST_TEST(set.erase(net("192.0.0.0/8")));
    BOOST_TEST(!set.erase(net("192.0.0.0/8")));
    BOOST_TEST(!set.find(ip("192.0.2.1"), at(1), seconds{0}));
}

BOOST_AUTO_TEST_CASE(what_is_too_wide_never_counts)
{
    GrantSet set;
    for (const char* wide : {"0.0.0.0/0", "128.0.0.0/1", "192.0.0.0/7", "::/0",
                             "2000::/3", "2000::/15"})
        set.put({net(wide), at(1), "wide"});
    BOOST_TEST(set.size() == 6U);
    BOOST_TEST(!set.find(ip("192.0.2.1"), at(1), seconds{0}));
    BOOST_TEST(!set.find(ip("2000:db8::1"), at(1), seconds{0}));
    BOOST_TEST(set.covering(net("192.0.2.1")).size() == 3U);
    BOOST_TEST(set.erase(net("0.0.0.0/0")));
}

// Against the definition, with random networks around few addresses.
BOOST_AUTO_TEST_CASE(as_a_search_through_all)
{
    std::mt19937 random{1};
    const auto addr = [&] {
        if (random() % 2) {
            const auto o = [&] { return std::uint8_t(random() % 4); };
            return ClientAddr::v4({10, 0, o(), o()});
        }
        std::array<std::uint8_t, 16> o{0x20, 1, 0xd, 0xb8};
        o[7] = std::uint8_t(random() % 4);
        o[15] = std::uint8_t(random() % 4);
        return ClientAddr::v6(o);
    };
    for (int round = 0; round < 20; ++round) {
        GrantSet set;
        std::map<Network, Grant> model;
        for (int i = 0; i < 60; ++i) {
            const unsigned bits[] = {128, 30, 24, 23, 64, 62, 0};
            const Network network{addr(), bits[random() % 7]};
            if (random() % 5 == 0) {
                BOOST_TEST(set.erase(network) == (model.erase(network) > 0));
                continue;
            }
            const Grant grant{network, at(random() % 100),
                              "u" + std::to_string(i)};
            const bool is_new = model.insert_or_assign(network, grant).second;
            BOOST_TEST(set.put(grant) == is_new);
        }
        BOOST_TEST(set.size() == model.size());
        for (int i = 0; i < 100; ++i) {
            const auto client = addr();
            const auto now = at(random() % 150);
            std::optional<Grant> best;
            const auto rank = [&](const Grant& g) {
                return std::pair{
                    standing(g, now, seconds{50}) == Standing::valid,
                    g.network.bits()};
            };
            for (const auto& [network, grant] : model)
                if (network.contains(client) && !too_wide(network) &&
                    (!best || rank(grant) > rank(*best)))
                    best = grant;
            BOOST_TEST((set.find(client, now, seconds{50}) == best));
        }
    }
}

BOOST_AUTO_TEST_CASE(prefixes_that_a_login_opened)
{
    GrantSet set;
    const auto host = ip("2001:db8::5");
    set.put({net("2001:db8::5"), at(1)});
    set.put({net("2001:db8::/64"), at(1), "", "", {}, "", host});
    set.put({net("2001:db8::/32"), at(1)});
    BOOST_TEST((set.opened_by(host) == std::vector{net("2001:db8::/64")}));
    BOOST_TEST(set.opened_by(ip("2001:db8::6")).empty());
}

BOOST_AUTO_TEST_CASE(pages)
{
    GrantSet set;
    std::mt19937 random{1};
    for (int i = 0; i < 300; ++i) {
        const auto n = std::uint8_t(random());
        const auto bits = 20 + unsigned(random() % 13);
        set.put(
            {Network{ClientAddr::v4({192, 0, n, std::uint8_t(random())}), bits},
             at(1), i % 3 ? "" : "bob"});
        set.put({Network{ip(("2001:db8::" + std::to_string(n)).c_str()), 128},
                 at(2)});
    }
    auto all = set.all();
    sort_by_network(all);
    for (const std::size_t limit : {1U, 7U, 100U, 1000U}) {
        std::vector<Grant> seen;
        std::optional<Network> after;
        for (bool more = true; more;) {
            const auto page = set.page(after, limit);
            BOOST_TEST_REQUIRE(page.grants.size() <= limit);
            BOOST_TEST_REQUIRE(!page.grants.empty());
            seen.insert(seen.end(), page.grants.begin(), page.grants.end());
            after = seen.back().network;
            more = page.more;
        }
        BOOST_TEST((seen == all), limit << " a page");
    }
    BOOST_TEST(set.page(all.back().network, 5).grants.empty());
    BOOST_TEST(!set.page(all.back().network, 5).more);
    BOOST_TEST(GrantSet{}.page({}, 5).grants.empty());
}

BOOST_AUTO_TEST_CASE(words_that_nobody_knows_stay)
{
    const char* const value = "7 user=bob seen flag=%41 x=";
    const auto grant = grant_of("192.0.2.1", value);
    BOOST_REQUIRE(grant);
    BOOST_TEST(*value_of(*grant) == value);
    GrantSet set;
    set.put(*grant);
    BOOST_TEST(*value_of(*set.exact(net("192.0.2.1"))) == value);
}

BOOST_AUTO_TEST_CASE(expired_in_parts)
{
    GrantSet set;
    for (std::uint8_t i = 0; i < 200; ++i)
        set.put({Network{ClientAddr::v4({10, 0, 0, i}), 32}, at(i)});
    std::vector<Network> out;
    std::size_t place = 0;
    int parts = 0;
    do {
        place = set.expired(place, 50, at(150), seconds{50}, out);
        ++parts;
    } while (place != 0);
    BOOST_TEST(parts > 1);
    BOOST_TEST(out.size() == 101U);  // logins 0..100
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(relayers_journal)

using policy::map::Change;

BOOST_AUTO_TEST_CASE(lines_come_back)
{
    const std::string text = journal_line({"192.0.2.1", "1 user=bob"}) +
                             journal_line({"192.0.2.0/24", std::nullopt});
    std::uint64_t skipped = 0;
    const auto changes = parse_journal(text, skipped);
    BOOST_REQUIRE(changes.size() == 2U);
    BOOST_TEST(changes[0].key == "192.0.2.1");
    BOOST_TEST(*changes[0].value == "1 user=bob");
    BOOST_TEST(changes[1].key == "192.0.2.0/24");
    BOOST_TEST(!changes[1].value);
    BOOST_TEST(skipped == 0U);
}

// Cut after any octet, or with any octet changed, the line is skipped: it
// never becomes another grant.
BOOST_AUTO_TEST_CASE(torn_and_damaged_lines)
{
    const std::string line = journal_line({"192.0.2.1", "1700000000"});
    const std::string next = journal_line({"192.0.2.2", "1700000001"});
    for (std::size_t n = 1; n < line.size(); ++n) {
        std::uint64_t skipped = 0;
        const auto changes =
            parse_journal(line.substr(0, n) + "\n" + next, skipped);
        const bool whole = n == line.size() - 1;
        BOOST_TEST(skipped == (whole ? 0U : 1U));
        BOOST_TEST(changes.size() == (whole ? 2U : 1U));
        BOOST_TEST(changes.back().key == "192.0.2.2");
    }
    for (std::size_t n = 0; n < line.size() - 1; ++n) {
        std::string bad = line;
        bad[n] = bad[n] == '7' ? '8' : '7';
        std::uint64_t skipped = 0;
        BOOST_TEST(parse_journal(bad + next, skipped).size() == 1U);
        BOOST_TEST(skipped == 1U);
    }
    std::uint64_t skipped = 0;
    BOOST_TEST(
        parse_journal(std::string(4096, '\0') + "\n" + next, skipped).size() ==
        1U);
    BOOST_TEST(skipped == 1U);
}

BOOST_AUTO_TEST_CASE(rotates)
{
    const TempDir dir;
    const auto open = [&] {
        return *Journal::open(dir.path, false, std::make_shared<Files>());
    };
    auto journal = open();
    BOOST_REQUIRE(journal.append(journal_line({"a", "1"})));
    BOOST_REQUIRE(journal.rotate());
    BOOST_TEST(journal.has_old());
    BOOST_REQUIRE(journal.append(journal_line({"b", "2"})));
    auto again = open();
    BOOST_TEST(again.has_old());
    auto left = again.replay();
    BOOST_REQUIRE(left);
    BOOST_TEST(left->old.size() == 1U);
    BOOST_TEST(left->fresh.size() == 1U);
    BOOST_TEST(left->fresh[0].key == "b");
    BOOST_REQUIRE(again.drop_old());
    BOOST_REQUIRE(again.append(journal_line({"c", "3"})));
    BOOST_TEST(open().replay()->old.empty());
    BOOST_TEST(open().replay()->fresh.size() == 2U);
    BOOST_REQUIRE(again.drop_all());
    BOOST_TEST(std::filesystem::is_empty(dir.path));
}

BOOST_AUTO_TEST_SUITE_END()
