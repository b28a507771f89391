// relayers.db without a daemon, as vsmtprelay changes it.
#define BOOST_TEST_DYN_LINK

#include <atomic>
#include <thread>

#include "t/unit/relayers_fixture.h"

using namespace relayers_test;

BOOST_FIXTURE_TEST_SUITE(relayers_direct, Fixture)

BOOST_AUTO_TEST_CASE(works_on_the_file)
{
    auto store = direct();
    BOOST_TEST((store.list().error().code == Errc::gone));
    BOOST_REQUIRE(store.add({net("192.0.2.1"), at(9999), "bob"}));
    BOOST_REQUIRE(store.add({net("2001:db8::5"), at(9999)}));
    BOOST_TEST(user_of(store, "192.0.2.1") == "bob");
    BOOST_TEST(db(file).size() == 2U);
    BOOST_TEST(*store.remove(net("192.0.2.1")));
    BOOST_TEST(!*store.remove(net("192.0.2.1")));
    BOOST_TEST((db(file) == Contents{{"ipv6:2001:db8:0:0:0:0:0:5", "9999"}}));
    BOOST_TEST(store.verify(false)->problems.empty());
    only({"relayers.db"});
}

BOOST_AUTO_TEST_CASE(other_spellings_go)
{
    write_db(file, {{"IPv6:2001:DB8::5", "1"},
                    {"2001:db8::5", "2 user=newer"},
                    {"::ffff:192.0.2.1", "3"},
                    {"keep", "me"}});
    auto store = direct();
    BOOST_TEST(store.list()->size() == 2U);
    BOOST_TEST(user_of(store, "2001:db8::5") == "newer");
    BOOST_REQUIRE(store.add({net("2001:db8::5"), at(9999)}));
    BOOST_TEST(*store.remove(net("192.0.2.1")));
    const Contents want{{"ipv6:2001:db8:0:0:0:0:0:5", "9999"}, {"keep", "me"}};
    BOOST_TEST((db(file) == want));
}

BOOST_AUTO_TEST_CASE(journal_of_a_dead_daemon)
{
    {
        const auto killed = open();
        BOOST_REQUIRE(killed->add({net("192.0.2.1"), at(9999)}));
        BOOST_REQUIRE(killed->add({net("192.0.2.2"), at(9999)}));
        // While it lives, its journal is left alone.
        BOOST_REQUIRE(direct().add({net("192.0.2.3"), at(9999)}));
        BOOST_TEST(db(file).size() == 1U);
    }
    auto store = direct();
    BOOST_TEST(store.list()->size() == 3U);
    BOOST_TEST(*store.remove(net("192.0.2.2")));
    BOOST_TEST(
        (db(file) == Contents{{"192.0.2.1", "9999"}, {"192.0.2.3", "9999"}}));
    BOOST_TEST(open()->list()->size() == 2U);  // it does not come back
}

BOOST_AUTO_TEST_CASE(writers_lose_nothing)
{
    constexpr int writers = 8;
    constexpr int each = 25;
    write_db(file, {{"keep", "me"}});
    std::atomic<int> failed = 0;
    {
        std::vector<std::jthread> threads;
        for (int w = 0; w < writers; ++w)
            threads.emplace_back([&, w] {
                auto store = direct();
                for (int i = 0; i < each; ++i) {
                    const auto addr = ClientAddr::v4(
                        {10, 0, std::uint8_t(w), std::uint8_t(i)});
                    if (!store.add({Network{addr, 32}, at(9999)}))
                        ++failed;
                }
            });
    }
    BOOST_TEST(failed == 0);
    BOOST_TEST(db(file).size() == std::size_t{writers} * each + 1);
    BOOST_TEST(policy::map::bdb_verify(file).has_value());
}

BOOST_AUTO_TEST_CASE(expiring_spares_what_was_renewed)
{
    write_db(file, {{"192.0.2.1", "1"}, {"192.0.2.2", "9999"}});
    auto store = direct();
    const auto gone = store.remove_where(
        [](const Grant& grant) { return grant.login < at(100); });
    BOOST_REQUIRE(gone);
    BOOST_TEST(gone->size() == 1U);
    BOOST_TEST((db(file) == Contents{{"192.0.2.2", "9999"}}));
}

BOOST_AUTO_TEST_CASE(shrinks_a_file_that_was_emptied)
{
    Contents many;
    for (int i = 0; i < 20000; ++i)
        many.emplace(
            "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256),
            "1");
    many.emplace("keep", "me");
    write_db(file, many);
    const auto before = std::filesystem::file_size(file);
    auto store = direct();
    BOOST_REQUIRE(store.remove_where([](const Grant&) { return true; }));
    BOOST_REQUIRE(store.add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(*store.remove(net("192.0.2.1")));
    BOOST_TEST(std::filesystem::file_size(file) < before / 10);
    BOOST_TEST((db(file) == Contents{{"keep", "me"}}));
}

BOOST_AUTO_TEST_CASE(repairs_what_can_be_read)
{
    Contents many;
    for (int i = 0; i < 2000; ++i)
        many.emplace(
            "10.1." + std::to_string(i / 256) + "." + std::to_string(i % 256),
            "9999");
    write_db(file, many);
    std::string bad = slurp(file);
    bad[4096 * 5 + 20] = '\xff';
    bad[4096 * 5 + 21] = '\xff';
    spew(file, bad);
    auto store = direct();
    BOOST_TEST((store.list().error().code == Errc::format));
    BOOST_TEST(
        (store.add({net("192.0.2.1"), at(1)}).error().code == Errc::format));
    BOOST_TEST(store.verify(false)->problems.size() == 1U);
    BOOST_TEST(store.verify(false)->repairs.empty());
    BOOST_TEST(store.verify(true)->repairs.size() == 1U);
    BOOST_TEST(store.verify(false)->problems.empty());
    BOOST_TEST(db(file).size() > 1500U);
    BOOST_TEST((slurp(file + ".bad") == bad));
}

BOOST_AUTO_TEST_CASE(repairs_no_other_kind_of_file)
{
    auto store = direct();
    for (const std::string& octets :
         {std::string{"x"}, std::string{"root:x:0:0:root:/root:/bin/sh\n"},
          std::string(8192, '\0'), std::string(8192, '\xff'),
          // A hash of DB 1.85: read, but not written.
          std::string{"\0\x06\x15\x61\0\0\0\x02\0\0\x04\xd2", 12} +
              std::string(500, '\0')}) {
        spew(file, octets);
        const auto done = store.verify(true);
        BOOST_REQUIRE(!done);
        BOOST_TEST((done.error().code == Errc::format));
        BOOST_TEST((slurp(file) == octets));
        only({"relayers.db"});
    }
    spew(file, "");
    BOOST_TEST(store.verify(true)->repairs.size() == 1U);
    BOOST_TEST(db(file).empty());
}

BOOST_AUTO_TEST_SUITE_END()
