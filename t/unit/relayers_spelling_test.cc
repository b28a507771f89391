// How IPv6 addresses are spelled in relayers.db.
#define BOOST_TEST_DYN_LINK

#include "t/unit/relayers_fixture.h"

using namespace relayers_test;

namespace {

const std::string full = "ipv6:2001:db8:0:0:0:0:0:5";
const std::string compressed = "ipv6:2001:db8::5";

struct SpellingFixture : Fixture {
    DirectStore store(Ipv6Keys keys)
    {
        return DirectStore{{.file = file,
                            .ipv6_keys = keys,
                            .clock = [this] { return at(now); },
                            .wait = milliseconds{2000}}};
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relayers_spelling, SpellingFixture)

BOOST_AUTO_TEST_CASE(each_way_of_spelling)
{
    const std::pair<Ipv6Keys, Contents> ways[] = {
        {Ipv6Keys::full, {{full, "9999"}}},
        {Ipv6Keys::compressed, {{compressed, "9999"}}},
        {Ipv6Keys::both, {{full, "9999"}, {compressed, "9999"}}},
    };
    // each finds what the one before it has written, and spells it anew
    for (const auto& [keys, want] : ways) {
        auto direct = store(keys);
        BOOST_REQUIRE(direct.add({net("2001:db8::5"), at(9999)}));
        BOOST_TEST((db(file) == want));
        BOOST_TEST(direct.list()->size() == 1U);
        BOOST_TEST(user_of(direct, "2001:db8::5").empty());
    }
    BOOST_TEST(*store(Ipv6Keys::both).remove(net("2001:db8::5")));
    BOOST_TEST(db(file).empty());
}

BOOST_AUTO_TEST_CASE(other_keys_stay)
{
    write_db(file, {{"keep", "me"}});
    auto direct = store(Ipv6Keys::compressed);
    BOOST_REQUIRE(direct.add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(direct.add({net("2001:db8:0:1::/64"), at(9999)}));
    BOOST_REQUIRE(direct.add({net("2001:db8:1:2:3:4:5:6"), at(9999)}));
    const Contents want{{"keep", "me"},
                        {"192.0.2.1", "9999"},
                        {"ipv6:2001:db8:0:1:0:0:0:0/64", "9999"},
                        {"ipv6:2001:db8:1:2:3:4:5:6", "9999"}};
    BOOST_TEST((db(file) == want));
}

BOOST_AUTO_TEST_CASE(the_daemon_spells_so_too)
{
    auto given = settings();
    given.ipv6_keys = Ipv6Keys::both;
    const auto store = *FileStore::open(given);
    BOOST_REQUIRE(store->add({net("2001:db8::5"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    const Contents both{{full, "9999"}, {compressed, "9999"}};
    BOOST_TEST((db(file) == both));
    BOOST_TEST(store->list()->size() == 1U);

    std::filesystem::remove(file);
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST((db(file) == both));
    BOOST_TEST(*store->remove(net("2001:db8::5")));
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST(db(file).empty());
}

BOOST_AUTO_TEST_SUITE_END()
