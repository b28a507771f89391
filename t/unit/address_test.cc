#include "policy/address.h"

#define BOOST_TEST_DYN_LINK
#include <netinet/in.h>
#include <sys/un.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;
using policy::ClientAddr;
using policy::Network;

BOOST_AUTO_TEST_SUITE(address)

struct Spelling {
    const char *text, *plain, *sendmail, *key;
};
std::ostream& operator<<(std::ostream& os, const Spelling& s)
{
    return os << s.text;
}
const Spelling spellings[] = {
    {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"[192.0.2.1]", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
    {"2001:DB8::1", "2001:db8::1", "IPv6:2001:db8:0:0:0:0:0:1",
     "ipv6:2001:db8:0:0:0:0:0:1"},
    {"IPv6:2001:db8:0:0:0:0:0:1", "2001:db8::1", "IPv6:2001:db8:0:0:0:0:0:1",
     "ipv6:2001:db8:0:0:0:0:0:1"},
    {"[IPV6:fe80::1%eth0]", "fe80::1", "IPv6:fe80:0:0:0:0:0:0:1",
     "ipv6:fe80:0:0:0:0:0:0:1"},
    {"::1", "::1", "IPv6:0:0:0:0:0:0:0:1", "ipv6:0:0:0:0:0:0:0:1"},
};

BOOST_DATA_TEST_CASE(one_host_has_one_spelling, data::make(spellings))
{
    const auto addr = ClientAddr::parse(sample.text);
    BOOST_REQUIRE(addr);
    BOOST_TEST(addr->text() == sample.plain);
    BOOST_TEST(addr->sendmail_text() == sample.sendmail);
    BOOST_TEST(addr->map_key() == sample.key);
}

const char* const no_addresses[] = {
    "",      "192.0.2", "192.0.2.256", "192.0.2.1 ",  "01.2.3.4.5",
    "1:2:3", "IPv6:",   "[192.0.2.1",  "example.net", "192.0.2.1/24"};

BOOST_DATA_TEST_CASE(rejects_what_is_no_address, data::make(no_addresses))
{
    BOOST_TEST(!ClientAddr::parse(sample));
}

BOOST_AUTO_TEST_CASE(rejects_an_embedded_nul)
{
    BOOST_TEST(!ClientAddr::parse(std::string_view{"192.0.2.1\0x", 11}));
}

BOOST_AUTO_TEST_CASE(families_of_a_sockaddr)
{
    BOOST_TEST(
        (ClientAddr::from_sockaddr(nullptr).kind() == ClientAddr::Kind::none));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const auto local =
        ClientAddr::from_sockaddr(reinterpret_cast<const sockaddr*>(&un));
    BOOST_TEST((local.kind() == ClientAddr::Kind::unix_socket));
    BOOST_TEST(local.text() == "local");
    BOOST_TEST(local.sendmail_text().empty());
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(0xC0000201);
    BOOST_TEST(ClientAddr::from_sockaddr(reinterpret_cast<const sockaddr*>(&in))
                   .text() == "192.0.2.1");
}

BOOST_AUTO_TEST_CASE(loopback)
{
    BOOST_TEST(ClientAddr::parse("127.9.9.9")->is_loopback());
    BOOST_TEST(ClientAddr::parse("::1")->is_loopback());
    BOOST_TEST(!ClientAddr::parse("::2")->is_loopback());
    BOOST_TEST(!ClientAddr::parse("128.0.0.1")->is_loopback());
    BOOST_TEST(ClientAddr{}.is_loopback());
}

struct Net {
    const char *net, *in, *out;
};
std::ostream& operator<<(std::ostream& os, const Net& n)
{
    return os << n.net;
}
const Net nets[] = {
    {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
    {"192.0.2.128/25", "192.0.2.129", "192.0.2.127"},
    {"0.0.0.0/0", "255.255.255.255", "2001:db8::1"},
    {"::/0", "2001:db8::1", "192.0.2.1"},
    {"2001:db8:0:8000::/49", "2001:db8:0:ffff::1", "2001:db8:0:7fff::1"},
    {"192.0.2.7", "192.0.2.7", "192.0.2.6"},
};

BOOST_DATA_TEST_CASE(networks, data::make(nets))
{
    const auto net = Network::parse(sample.net);
    BOOST_REQUIRE(net);
    BOOST_TEST(net->text() == sample.net);
    BOOST_TEST(net->contains(*ClientAddr::parse(sample.in)));
    BOOST_TEST(!net->contains(*ClientAddr::parse(sample.out)));
    BOOST_TEST(!net->contains(ClientAddr{}));
}

BOOST_AUTO_TEST_CASE(malformed_networks)
{
    for (const char* bad : {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/",
                            "192.0.2.0/-1", "::/129", "x/8", "2001:db8::1/64"})
        BOOST_TEST(!Network::parse(bad), bad);
    const Network net{*ClientAddr::parse("2001:db8:1:2:3::4"), 64};
    BOOST_TEST(net.text() == "2001:db8:1:2::/64");
    BOOST_TEST(Network(*ClientAddr::parse("192.0.2.1"), 64).is_host());
}

BOOST_AUTO_TEST_SUITE_END()
