#define BOOST_TEST_DYN_LINK
#include "policy/relayers/granting.h"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>

#include "policy/relayers/protected.h"
#include "t/unit/temp_dir.h"

namespace data = boost::unit_test::data;
using namespace policy::relayers;
using policy::ClientAddr;
using policy::Errc;
using policy::Network;
using policy::Seconds;
using policy::Status;
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

/// A store that is a map, and that can be told to fail.
class MapStore : public Store {
public:
    std::map<Network, Grant> grants;
    bool broken = false;

    policy::Result<std::optional<Grant>> find(const ClientAddr&) override
    {
        return std::optional<Grant>{};
    }
    Status add(const Grant& grant) override
    {
        if (broken)
            return policy::fail(Errc::io, "broken");
        grants.insert_or_assign(grant.network, grant);
        return {};
    }
    policy::Result<bool> remove(const Network& network) override
    {
        return grants.erase(network) != 0;
    }
    policy::Result<std::vector<Grant>> list() override
    {
        std::vector<Grant> all;
        for (const auto& [network, grant] : grants)
            all.push_back(grant);
        return all;
    }
};

const AddressSources no_system{"/nonexistent", "/nonexistent", false};

}  // namespace

BOOST_AUTO_TEST_SUITE(relayers_protected)

// Lines as the kernel writes them, on this byte order.
BOOST_AUTO_TEST_CASE(gateways_of_the_kernel)
{
    const char* const route =
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"
        "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n"
        "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"
        "bad\tline\n"
        "eth0\t00000000\txyz\t0003\n";
    BOOST_TEST((ipv4_gateways(route) == std::vector{ip("192.168.1.1")}));
    const char* const six =
        "00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00 "
        "fe800000000000000000000000000001 00000400 00000001 00000000 "
        "00000003     eth0\n"
        "20010db8000000000000000000000000 40 "
        "00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 "
        "00000001     eth0\n"
        "short line\n";
    BOOST_TEST((ipv6_gateways(six) == std::vector{ip("fe80::1")}));
    BOOST_TEST(ipv4_gateways("").empty());
    BOOST_TEST(ipv6_gateways("a b c d\n").empty());
}

BOOST_AUTO_TEST_CASE(own_gateway_named_and_loopback)
{
    const TempDir dir;
    spew(dir / "route",
         "Iface Destination Gateway\neth0 00000000 0101A8C0 0003\n");
    Protected guard{{net("198.51.100.0/24"), net("2001:db8:f::1")},
                    {dir / "route", "/nonexistent", true}};
    for (const char* addr : {"127.0.0.1", "127.9.9.9", "::1", "192.168.1.1",
                             "198.51.100.77", "2001:db8:f::1"})
        BOOST_TEST(guard.contains(ip(addr)), addr);
    BOOST_TEST(guard.contains(ClientAddr{}));
    BOOST_TEST(guard.contains(ClientAddr::unix_socket()));
    for (const char* addr : {"192.168.1.2", "203.0.113.9", "2001:db8:f::2"})
        BOOST_TEST(!guard.contains(ip(addr)), addr);
    BOOST_TEST(guard.overlaps(net("2001:db8:f::/64")));
    BOOST_TEST(guard.overlaps(net("192.168.0.0/16")));
    BOOST_TEST(guard.overlaps(net("198.51.100.7")));
    BOOST_TEST(guard.overlaps(net("::/0")));
    BOOST_TEST(!guard.overlaps(net("2001:db8:e::/64")));
    // A gateway that changes, and a file that goes: what it said stays.
    spew(dir / "route", "x\neth0 00000000 FE01A8C0 0003\n");
    guard.refresh();
    BOOST_TEST(!guard.contains(ip("192.168.1.1")));
    BOOST_TEST(guard.contains(ip("192.168.1.254")));
    std::filesystem::remove(dir / "route");
    guard.refresh();
    BOOST_TEST(guard.contains(ip("192.168.1.254")));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(relayers_granting)

BOOST_AUTO_TEST_CASE(what_a_login_opens)
{
    const Protected guard{{net("2001:db8:bad::1"), net("203.0.113.1")},
                          no_system};
    const auto opened = [&](const char* addr, unsigned bits) {
        return grants_of({ip(addr), at(1000), "bob", "imap", "test"}, guard,
                         bits, at(1000));
    };
    const auto four = opened("192.0.2.1", 64);
    BOOST_REQUIRE(four.size() == 1U);
    BOOST_TEST((four[0] == Grant{net("192.0.2.1"), at(1000), "bob", "imap"}));
    const auto six = opened("2001:db8::5", 64);
    BOOST_REQUIRE(six.size() == 2U);
    BOOST_TEST(six[0].network.text() == "2001:db8::5");
    BOOST_TEST(!six[0].opener);
    BOOST_TEST(six[1].network.text() == "2001:db8::/64");
    BOOST_TEST((six[1].opener == ip("2001:db8::5")));
    BOOST_TEST(six[1].user == "bob");
    BOOST_TEST(opened("2001:db8::5", 128).size() == 1U);
    BOOST_TEST(opened("2001:db8::5", 48)[1].network.text() == "2001:db8::/48");
    // Something protected in the prefix: the address alone.
    BOOST_TEST(opened("2001:db8:bad::7", 64).size() == 1U);
    BOOST_TEST(opened("64:ff9b::c000:201", 64).size() == 1U);
    BOOST_TEST(opened("fe80::1", 64).size() == 1U);
    BOOST_TEST(opened("2001:db8:bad::1", 64).empty());
    BOOST_TEST(opened("203.0.113.1", 64).empty());
    BOOST_TEST(opened("127.0.0.1", 64).empty());
    // A clock that is ahead makes no pin.
    const Login ahead{ip("192.0.2.1"), at(5000), "", "", ""};
    BOOST_TEST((grants_of(ahead, guard, 64, at(1000))[0].login == at(1000)));
}

struct Before {
    const char* name;
    std::int64_t login, expires, window;
    bool replaced;
};
std::ostream& operator<<(std::ostream& os, const Before& b)
{
    return os << b.name;
}
const Before befores[] = {
    {"an older login", 900, 0, 1800, true},
    {"a pin", 5000, 0, 1800, false},
    {"a newer login, reported before", 1001, 0, 1800, false},
    {"an end after the window's", 900, 2801, 1800, false},
    {"an end before the window's", 900, 1100, 1800, true},
    {"an end, and no window", 900, 9999, 0, true},
};

BOOST_DATA_TEST_CASE(never_cuts_short, data::make(befores))
{
    const auto store = std::make_shared<MapStore>();
    Grant old{net("192.0.2.1"), at(sample.login), "old"};
    if (sample.expires)
        old.expires = at(sample.expires);
    BOOST_REQUIRE(store->add(old));
    const auto sink = granting_sink(
        store, std::make_shared<Protected>(std::vector<Network>{}, no_system),
        {.window = seconds{sample.window}, .clock = [] { return at(1000); }});
    sink({ip("192.0.2.1"), at(1000), "new", "pop3", "test"});
    BOOST_TEST(store->grants.at(net("192.0.2.1")).user ==
               (sample.replaced ? "new" : "old"));
}

BOOST_AUTO_TEST_CASE(refused_late_and_failed)
{
    const auto store = std::make_shared<MapStore>();
    int refused = 0;
    std::string failed;
    const auto sink = granting_sink(
        store, std::make_shared<Protected>(std::vector<Network>{}, no_system),
        {.clock = [] { return at(10000); },
         .failed = [&](const Login&,
                       const policy::Error& e) { failed = e.text; },
         .refused = [&](const Login&) { ++refused; }});
    sink({ip("127.0.0.1"), at(10000), "", "", ""});
    BOOST_TEST(refused == 1);
    sink({ip("192.0.2.1"), at(8200), "", "", ""});  // read late from a log
    BOOST_TEST(store->grants.empty());
    sink({ip("192.0.2.1"), at(8201), "", "", ""});
    BOOST_TEST(store->grants.size() == 1U);
    store->broken = true;
    sink({ip("192.0.2.2"), at(10000), "", "", ""});
    BOOST_TEST(failed == "broken");
}

BOOST_AUTO_TEST_SUITE_END()
