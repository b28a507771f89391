// The store of the daemon that owns relayers.db.
#define BOOST_TEST_DYN_LINK
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "t/unit/relayers_fixture.h"

using namespace relayers_test;

BOOST_FIXTURE_TEST_SUITE(relayers_store, Fixture)

BOOST_AUTO_TEST_CASE(grants_reach_the_file)
{
    const auto store = open();
    BOOST_TEST(db(file).empty());  // made at the start, and whole
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999), "bob", "pop3"}));
    BOOST_REQUIRE(store->add({net("2001:db8::5"), at(9999)}));
    BOOST_REQUIRE(store->add({net("192.0.2.0/24"), at(1)}));
    BOOST_TEST(user_of(*store, "192.0.2.1") == "bob");
    BOOST_TEST(db(file).empty());
    BOOST_REQUIRE(store->snapshot());
    const Contents want{{"192.0.2.1", "9999 user=bob proto=pop3"},
                        {"ipv6:2001:db8:0:0:0:0:0:5", "9999"},
                        {"192.0.2.0/24", "1"}};
    BOOST_TEST((db(file) == want));
    BOOST_TEST(store->list()->size() == 3U);
    BOOST_TEST(store->list()->front().network.text() == "192.0.2.0/24");
    const auto stats = store->stats();
    BOOST_TEST(stats.grants == 3U);
    BOOST_TEST(stats.networks == 1U);
    BOOST_TEST(stats.pending == 0U);
    BOOST_TEST(stats.snapshots == 1U);
    BOOST_REQUIRE(*store->remove(net("192.0.2.1")));
    BOOST_TEST(!*store->remove(net("192.0.2.1")));
    BOOST_TEST(!*store->remove(net("192.0.2.0/25")));
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST(db(file).size() == 2U);
    only({"relayers.db", "relayers.log", "relayers.lock"});
}

BOOST_AUTO_TEST_CASE(refuses_what_cannot_be_written)
{
    const auto store = open();
    BOOST_TEST(!store->add({net("192.0.2.1"), at(1), std::string(901, 'u')}));
    BOOST_TEST(!store->add({net("192.0.2.1"), at(-1)}));
    BOOST_TEST(store->list()->empty());
}

BOOST_AUTO_TEST_CASE(journal_of_a_killed_process)
{
    {
        const auto store = open();
        BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999), "old"}));
        BOOST_REQUIRE(store->snapshot());
        BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999), "new"}));
        BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
        BOOST_REQUIRE(*store->remove(net("192.0.2.2")));
        // Without background nothing is written at the end: as kill -9.
    }
    spew(dir / "relayers.db.new", "half");
    spew(dir / "__db.relayers.db.new", "half");
    BOOST_TEST(db(file).at("192.0.2.1") == "9999 user=old");
    const auto store = open();
    BOOST_TEST(user_of(*store, "192.0.2.1") == "new");
    BOOST_TEST((db(file) == Contents{{"192.0.2.1", "9999 user=new"}}));
    only({"relayers.db", "relayers.log", "relayers.lock", "relayers.old"});
}

BOOST_AUTO_TEST_CASE(foreign_changes_are_taken_over)
{
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    BOOST_REQUIRE(store->add({net("192.0.2.3"), at(9999), "pending"}));
    // As an administrator with makemap: other entries, in the same inode.
    BOOST_REQUIRE(policy::map::bdb_apply(
        file, {Change{"192.0.2.1", std::nullopt}, Change{"192.0.2.9", "9998"},
               Change{"example.net", "left alone"},
               Change{"IPv6:2001:DB8::7", "9997 user=eve"}}));
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST(user_of(*store, "192.0.2.1") == "none");
    BOOST_TEST(user_of(*store, "192.0.2.2").empty());
    BOOST_TEST(user_of(*store, "192.0.2.3") == "pending");
    BOOST_TEST(user_of(*store, "192.0.2.9").empty());
    BOOST_TEST(user_of(*store, "2001:db8::7") == "eve");
    BOOST_TEST(store->stats().others == 1U);
    BOOST_TEST((*store->others() == Others{{"example.net", "left alone"}}));
    BOOST_TEST(store->stats().foreign_changes == 1U);
    // Our own write replaces the odd spelling and keeps what is no grant.
    BOOST_REQUIRE(store->add({net("2001:db8::7"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    const Contents want{{"192.0.2.2", "9999"},
                        {"192.0.2.3", "9999 user=pending"},
                        {"192.0.2.9", "9998"},
                        {"example.net", "left alone"},
                        {"ipv6:2001:db8:0:0:0:0:0:7", "9999"}};
    BOOST_TEST((db(file) == want));
    BOOST_REQUIRE(store->refresh());  // our own write is no foreign change
    BOOST_TEST(store->stats().foreign_changes == 1U);
}

// The change of another comes between our last look and our own write.
BOOST_AUTO_TEST_CASE(foreign_change_found_while_writing)
{
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    BOOST_REQUIRE(policy::map::bdb_apply(
        file,
        {Change{"192.0.2.1", std::nullopt}, Change{"192.0.2.9", "9998"}}));
    BOOST_REQUIRE(store->add({net("192.0.2.3"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST(
        (db(file) == Contents{{"192.0.2.3", "9999"}, {"192.0.2.9", "9998"}}));
    BOOST_TEST(user_of(*store, "192.0.2.1") == "none");
    BOOST_TEST(user_of(*store, "192.0.2.9").empty());
}

BOOST_AUTO_TEST_CASE(replaced_file_and_link)
{
    std::filesystem::create_directory(dir.path / "real");
    const std::string real = dir / "real/relayers.db";
    std::filesystem::create_symlink(real, file);
    write_db(real, {{"192.0.2.1", "9999"}});
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST(std::filesystem::is_symlink(file));
    BOOST_TEST(db(real).size() == 2U);
    write_db(dir / "restored", {{"192.0.2.7", "9999"}});
    std::filesystem::rename(dir / "restored", real);
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST(user_of(*store, "192.0.2.2") == "none");
    BOOST_TEST(user_of(*store, "192.0.2.7").empty());
}

BOOST_AUTO_TEST_CASE(damaged_file_at_the_start)
{
    const auto torn = torn_db();
    const auto store = open();
    BOOST_TEST(db(file).empty());
    BOOST_TEST((slurp(file + ".bad") == torn));
    BOOST_REQUIRE(reports.size() == 1U);
    BOOST_TEST(reports[0].starts_with(file + ": "));
    BOOST_TEST(reports[0].ends_with("; written anew from memory"));
}

BOOST_AUTO_TEST_CASE(a_foreign_file_stays)
{
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    spew(file, "somebody else's");
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
    BOOST_TEST(!store->snapshot());
    for (int i = 0; i < 3; ++i)
        BOOST_TEST(!store->refresh());
    BOOST_TEST((store->verify(true).error().code == Errc::format));
    BOOST_TEST(slurp(file) == "somebody else's");
    BOOST_TEST(!std::filesystem::exists(file + ".bad"));
    BOOST_TEST(user_of(*store, "192.0.2.2").empty());  // still granted
    std::filesystem::remove(file);
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST(db(file).size() == 2U);
}

BOOST_AUTO_TEST_CASE(damaged_or_removed_while_running)
{
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    spew(file, "");
    BOOST_TEST(!store->refresh());  // perhaps somebody is in the middle
    BOOST_TEST(user_of(*store, "192.0.2.1").empty());
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST(db(file).size() == 1U);
    BOOST_TEST(slurp(file + ".bad").empty());
    std::filesystem::remove(file);
    BOOST_REQUIRE(store->refresh());
    BOOST_TEST(db(file).size() == 1U);
    torn_db();
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST(db(file).size() == 2U);
}

BOOST_AUTO_TEST_CASE(keeps_mode_and_owner)
{
    write_db(file, {});
    BOOST_REQUIRE(chmod(file.c_str(), 0604) == 0);
    const bool root = geteuid() == 0;
    if (root)
        BOOST_REQUIRE(chown(file.c_str(), 1234, 5678) == 0);
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->snapshot());
    struct stat st {};
    BOOST_REQUIRE(stat(file.c_str(), &st) == 0);
    BOOST_TEST((st.st_mode & 07777) == 0604U);
    if (root)
        BOOST_TEST((st.st_uid == 1234 && st.st_gid == 5678));
}

BOOST_AUTO_TEST_CASE(one_owner_of_the_journal)
{
    const auto store = open();
    auto second = settings();
    struct Impatient : Files {
        Status lock(const Fd& file, milliseconds,
                    const std::string& path) override
        {
            return Files::lock(file, milliseconds{0}, path);
        }
    };
    second.files = std::make_shared<Impatient>();
    const auto refused = FileStore::open(second);
    BOOST_REQUIRE(!refused);
    BOOST_TEST((refused.error().code == Errc::denied));
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_purged)
{
    const auto store = open();
    std::vector<Event> events;
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(8199)}));
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(8201)}));
    BOOST_REQUIRE(store->add({net("192.0.2.3"), at(20000)}));
    BOOST_REQUIRE(store->add({net("192.0.2.4"), at(1), "", "", at(10001)}));
    BOOST_REQUIRE(store->purge());
    BOOST_TEST(store->list()->size() == 3U);
    now = 10001;
    BOOST_REQUIRE(store->purge());
    BOOST_TEST(store->list()->size() == 1U);
    store->set_window(seconds{0});
    now = 1000000;
    BOOST_REQUIRE(store->purge());
    BOOST_TEST(store->list()->size() == 1U);
    BOOST_REQUIRE(store->snapshot());
    BOOST_TEST((db(file) == Contents{{"192.0.2.3", "20000"}}));
}

BOOST_AUTO_TEST_CASE(removing_an_address_closes_what_it_opened)
{
    const auto store = open();
    for (Store* s : {static_cast<Store*>(store.get())}) {
        BOOST_REQUIRE(s->add({net("2001:db8::5"), at(9999)}));
        BOOST_REQUIRE(s->add({net("2001:db8::/64"),
                              at(9999),
                              "",
                              "",
                              {},
                              "",
                              ip("2001:db8::5")}));
        BOOST_REQUIRE(s->add({net("2001:db8::/48"), at(9999)}));
    }
    BOOST_TEST(*store->remove(net("2001:db8::5")));
    BOOST_TEST(store->list()->size() == 1U);
}

BOOST_AUTO_TEST_CASE(removing_by_a_condition)
{
    const auto store = open();
    for (const char* addr : {"192.0.2.1", "192.0.2.2", "2001:db8::5"})
        BOOST_REQUIRE(store->add({net(addr), at(9999), "bob"}));
    BOOST_REQUIRE(store->add({net("2001:db8::/64"),
                              at(9999),
                              "bob",
                              "",
                              {},
                              "",
                              ip("2001:db8::5")}));
    BOOST_REQUIRE(store->add({net("192.0.2.3"), at(9999), "eve"}));
    const auto gone =
        store->remove_where([](const Grant& g) { return g.user == "bob"; });
    BOOST_REQUIRE(gone);
    BOOST_TEST(gone->size() == 4U);
    BOOST_TEST(store->list()->size() == 1U);
    BOOST_TEST(store->covering(net("192.0.2.3"))->size() == 1U);
    BOOST_TEST(store->exact(net("192.0.2.3"))->has_value());
}

BOOST_AUTO_TEST_CASE(verify_compares_with_memory)
{
    const auto store = open();
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_TEST(store->verify(false)->problems.empty());
    BOOST_TEST((db(file) == Contents{{"192.0.2.1", "9999"}}));
    // A page that no longer is one: found, told, and put right from memory.
    std::string bad = slurp(file);
    bad[16] = '\x7f';
    spew(file, bad);
    BOOST_TEST(!store->verify(false)->problems.empty());
    BOOST_TEST(store->verify(true)->repairs.size() == 1U);
    BOOST_TEST(store->verify(false)->problems.empty());
    BOOST_TEST((db(file) == Contents{{"192.0.2.1", "9999"}}));
}

BOOST_AUTO_TEST_CASE(background_does_it_by_itself)
{
    auto with_thread = settings();
    with_thread.background = true;
    std::atomic<int> events{0};
    with_thread.event = [&](const Event&) { ++events; };
    auto store = std::move(*FileStore::open(with_thread));
    const auto soon = [](const auto& condition) {
        for (int i = 0; i < 300 && !condition(); ++i)
            std::this_thread::sleep_for(milliseconds{10});
        return condition();
    };
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_TEST(soon([&] { return db(file).size() == 1; }));
    std::filesystem::remove(dir / "other");
    write_db(dir / "other", {{"192.0.2.8", "9999"}});
    std::filesystem::rename(dir / "other", file);
    BOOST_TEST(soon([&] { return user_of(*store, "192.0.2.1") == "none"; }));
    BOOST_TEST(soon([&] { return events.load() == 2; }));
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    BOOST_REQUIRE(store->add({net("192.0.2.2"), at(9999)}));
    store.reset();  // writes what is pending
    BOOST_TEST(db(file).size() == 3U);
}

BOOST_AUTO_TEST_CASE(stops_in_time_while_another_holds_the_lock)
{
    auto with_thread = settings();
    with_thread.background = true;
    auto store = std::move(*FileStore::open(with_thread));
    BOOST_REQUIRE(store->snapshot());
    const Fd locked{::open(file.c_str(), O_RDWR)};
    BOOST_REQUIRE(flock(locked.get(), LOCK_EX) == 0);
    BOOST_REQUIRE(store->add({net("192.0.2.1"), at(9999)}));
    const auto start = std::chrono::steady_clock::now();
    store.reset();
    const auto took = std::chrono::steady_clock::now() - start;
    // The snapshot that was under way waits 2 s for the lock.
    BOOST_TEST((took < milliseconds{3500}));
    flock(locked.get(), LOCK_UN);
    BOOST_TEST(open()->list()->size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
