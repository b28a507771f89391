#define BOOST_TEST_DYN_LINK
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <thread>

#include "policy/relayers/direct_store.h"
#include "policy/relayers/file_store.h"
#include "policy/relayers/grant_text.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

using namespace policy::relayers;
using policy::ClientAddr;
using policy::Errc;
using policy::Network;
using policy::Seconds;
using policy::Status;
using policy::map::Change;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Contents = std::map<std::string, std::string>;

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

/// relayers.db as sendmail reads it.
Contents db(const std::string& path)
{
    Contents all;
    const auto map = policy::map::open_file(path, false)->current();
    BOOST_REQUIRE_MESSAGE(map, why(map));
    (*map)->for_each([&](auto key, auto value) { all.emplace(key, value); });
    return all;
}

void write_db(const std::string& path, const Contents& entries)
{
    BOOST_REQUIRE(
        policy::map::bdb_create(path, entries.size(), [&](const auto& put) {
            for (const auto& [k, v] : entries)
                put(k, v);
        }));
}

struct Fixture {
    TempDir dir;
    std::int64_t now = 10000;
    std::vector<std::string> reports;
    std::string file = dir / "relayers.db";

    FileSettings settings()
    {
        FileSettings s;
        s.file = file;
        s.journal = dir.path;
        s.clock = [this] { return at(now); };
        s.background = false;
        s.report = [this](const std::string& line) { reports.push_back(line); };
        return s;
    }
    std::unique_ptr<FileStore> open()
    {
        auto store = FileStore::open(settings());
        BOOST_REQUIRE_MESSAGE(store, why(store));
        return std::move(*store);
    }
    DirectStore direct(bool journal = true)
    {
        return DirectStore{{.file = file,
                            .journal = journal ? dir.path.string() : "",
                            .clock = [this] { return at(now); },
                            .wait = milliseconds{2000}}};
    }
    std::string user_of(Store& store, const char* client)
    {
        const auto grant = store.find(ip(client));
        BOOST_REQUIRE_MESSAGE(grant, why(grant));
        return *grant ? (*grant)->user : "none";
    }
    /// Nothing but these files is in the directory.
    void only(const std::set<std::string>& names)
    {
        for (const auto& entry : std::filesystem::directory_iterator{dir.path})
            BOOST_TEST(names.contains(entry.path().filename().string()),
                       entry.path());
    }
};

}  // namespace

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
    spew(file, "no map at all");
    const auto store = open();
    BOOST_TEST(db(file).empty());
    BOOST_TEST(slurp(file + ".bad") == "no map at all");
    BOOST_REQUIRE(reports.size() == 1U);
    BOOST_TEST(reports[0] == file +
                                 ": not a map that makemap writes; written "
                                 "anew from memory");
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
    spew(file, "x");
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

namespace {

/// Fails the Nth operation; all before and after succeed.
struct Faulty : Files {
    int left = 0;  ///< operations until the fault; 0: none
    Status fault(const std::string& path)
    {
        if (left == 0 || --left != 0)
            return {};
        return policy::fail(Errc::io, path + ": injected");
    }
    policy::Result<Fd> open(const std::string& path, int flags,
                            mode_t mode) override
    {
        if (auto ok = fault(path); !ok)
            return policy::fail(ok.error());
        return Files::open(path, flags, mode);
    }
    policy::Result<struct stat> stat(const Fd& file,
                                     const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return policy::fail(ok.error());
        return Files::stat(file, path);
    }
    policy::Result<struct stat> stat(const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return policy::fail(ok.error());
        return Files::stat(path);
    }
    Status append(const Fd& file, std::string_view octets,
                  const std::string& path) override
    {
        if (auto ok = fault(path); !ok) {
            // As a full disk: part of it is written and cannot be cut off.
            static_cast<void>(
                Files::append(file, octets.substr(0, octets.size() / 2), path));
            return ok;
        }
        return Files::append(file, octets, path);
    }
    Status sync_directory(const std::string& directory) override
    {
        if (auto ok = fault(directory); !ok)
            return ok;
        return Files::sync_directory(directory);
    }
    Status copy(const Fd& from, const Fd& to, off_t size,
                const std::string& path) override
    {
        if (auto ok = fault(path); !ok) {
            static_cast<void>(Files::copy(from, to, size / 2, path));
            return ok;
        }
        return Files::copy(from, to, size, path);
    }
    Status own(const Fd& file, const struct stat& like,
               const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return ok;
        return Files::own(file, like, path);
    }
    Status rename(const std::string& from, const std::string& to) override
    {
        if (auto ok = fault(to); !ok)
            return ok;
        return Files::rename(from, to);
    }
    Status link(const std::string& from, const std::string& to) override
    {
        if (auto ok = fault(to); !ok)
            return ok;
        return Files::link(from, to);
    }
    Status remove(const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return ok;
        return Files::remove(path);
    }
    Status lock(const Fd& file, milliseconds wait,
                const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return ok;
        return Files::lock(file, wait, path);
    }
    Status apply(const std::string& path,
                 const std::vector<Change>& changes) override
    {
        if (auto ok = fault(path); !ok)
            return ok;
        return Files::apply(path, changes);
    }
    Status create(const std::string& path, std::size_t count,
                  const policy::map::Entries& entries) override
    {
        if (auto ok = fault(path); !ok)
            return ok;
        return Files::create(path, count, entries);
    }
    policy::Result<std::string> contents(const Fd& file, off_t size,
                                         const std::string& path) override
    {
        if (auto ok = fault(path); !ok)
            return policy::fail(ok.error());
        return Files::contents(file, size, path);
    }
    policy::Result<policy::map::Reading> read(const std::string& path,
                                              milliseconds wait) override
    {
        if (auto ok = fault(path); !ok)
            return policy::fail(ok.error());
        return Files::read(path, wait);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(relayers_faults, Fixture)

/// Runs `story` with the Nth operation failing, for N = 1.. until it did not
/// come to the Nth.  After each run a fresh store must have what `story` says
/// was acknowledged, and nothing that was refused.
void every_fault(
    Fixture& f, const std::function<void(Store&, FileStore*, Contents&)>& story)
{
    int faults = 0;
    for (int n = 1;; ++n) {
        std::filesystem::remove_all(f.dir.path);
        std::filesystem::create_directory(f.dir.path);
        write_db(f.file, {{"192.0.2.100", "9999"}, {"keep", "me"}});
        Contents acknowledged{{"192.0.2.100", "9999"}};
        const auto files = std::make_shared<Faulty>();
        files->left = n;
        auto settings = f.settings();
        settings.files = files;
        if (auto store = FileStore::open(settings))
            story(**store, store->get(), acknowledged);
        const bool reached = files->left == 0;
        files->left = 0;
        const auto after = f.open();
        Contents have;
        const auto grants = after->list();
        for (const auto& grant : *grants)
            have.emplace(key_of(grant.network), *value_of(grant));
        BOOST_TEST((have == acknowledged), "fault " << n);
        while (after->stats().pending != 0)
            BOOST_REQUIRE(after->snapshot());
        acknowledged.emplace("keep", "me");
        BOOST_TEST((db(f.file) == acknowledged), "fault " << n);
        BOOST_TEST(policy::map::bdb_verify(f.file).has_value());
        if (!reached)
            break;
        ++faults;
    }
    BOOST_TEST(faults > 20);
}

// The disk is full when a login is reported: its mail waits, and is let
// through once there is room again.
BOOST_AUTO_TEST_CASE(what_could_not_be_kept)
{
    const auto files = std::make_shared<Faulty>();
    auto with_faults = settings();
    with_faults.files = files;
    auto store = *FileStore::open(with_faults);
    const auto client = ip("192.0.2.1");
    files->left = 1;
    BOOST_TEST(!store->add({net("192.0.2.1"), at(9999), "bob"}));
    const auto found = store->find(client);
    BOOST_REQUIRE(!found);
    BOOST_TEST(found.error().text.find("192.0.2.1") != std::string::npos);
    BOOST_TEST(!store->find(ip("192.0.2.2"))->has_value());
    BOOST_TEST(store->list()->empty());
    files->left = 1;
    BOOST_TEST(!store->keep_late());
    BOOST_TEST(!store->find(client));
    BOOST_REQUIRE(store->keep_late());
    BOOST_TEST((*store->find(client))->user == "bob");
    store.reset();
    BOOST_TEST((*open()->find(client))->user == "bob");
}

BOOST_AUTO_TEST_CASE(what_could_not_be_kept_ends_too)
{
    const auto files = std::make_shared<Faulty>();
    auto with_faults = settings();
    with_faults.files = files;
    const auto store = *FileStore::open(with_faults);
    for (const char* addr : {"192.0.2.1", "192.0.2.2"}) {
        files->left = 1;
        BOOST_TEST(!store->add({net(addr), at(9999)}));
    }
    BOOST_TEST(*store->remove(net("192.0.2.1")));
    BOOST_TEST(!store->find(ip("192.0.2.1"))->has_value());
    BOOST_TEST(!store->find(ip("192.0.2.2")));
    now = 9999 + 1800;
    BOOST_TEST(!store->find(ip("192.0.2.2"))->has_value());
    BOOST_REQUIRE(store->keep_late());
    BOOST_TEST(store->list()->empty());
}

BOOST_AUTO_TEST_CASE(every_operation_fails_once)
{
    every_fault(*this, [](Store& store, FileStore* kept, Contents& want) {
        const auto add = [&](const char* addr) {
            if (store.add({net(addr), at(9999)}))
                want[addr] = "9999";
        };
        add("192.0.2.1");
        static_cast<void>(kept->snapshot());
        add("192.0.2.2");
        if (store.remove(net("192.0.2.1")))
            want.erase("192.0.2.1");
        static_cast<void>(kept->snapshot());
        static_cast<void>(kept->snapshot());
        add("192.0.2.3");
        static_cast<void>(kept->refresh());
        static_cast<void>(kept->snapshot());
        add("192.0.2.4");
    });
}

// The same without a daemon: what was not acknowledged may be there, since
// the last step that can fail comes after the rename; what was, must.
BOOST_AUTO_TEST_CASE(every_operation_of_a_direct_store_fails_once)
{
    for (int n = 1;; ++n) {
        std::filesystem::remove_all(dir.path);
        std::filesystem::create_directory(dir.path);
        write_db(file, {{"192.0.2.100", "9999"}, {"keep", "me"}});
        {
            const auto killed = open();
            BOOST_REQUIRE(killed->add({net("192.0.2.50"), at(9999)}));
        }
        Contents must{
            {"192.0.2.100", "9999"}, {"192.0.2.50", "9999"}, {"keep", "me"}};
        const auto files = std::make_shared<Faulty>();
        files->left = n;
        DirectStore store{{.file = file, .journal = dir.path, .files = files}};
        for (const char* addr : {"192.0.2.1", "2001:db8::1"})
            if (store.add({net(addr), at(9999)}))
                must[key_of(net(addr))] = "9999";
        if (store.remove(net("192.0.2.1")))
            must.erase("192.0.2.1");
        const bool reached = files->left == 0;
        files->left = 0;
        BOOST_REQUIRE(store.add({net("192.0.2.200"), at(9999)}));
        must["192.0.2.200"] = "9999";
        const auto have = db(file);
        for (const auto& [key, value] : must)
            BOOST_TEST((have.contains(key) && have.at(key) == value),
                       key << " after fault " << n);
        BOOST_TEST(policy::map::bdb_verify(file).has_value());
        only({"relayers.db", "relayers.lock", "relayers.log"});
        if (!reached)
            break;
    }
}

BOOST_AUTO_TEST_SUITE_END()

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
    {
        std::vector<std::jthread> threads;
        for (int w = 0; w < writers; ++w)
            threads.emplace_back([&, w] {
                auto store = direct();
                for (int i = 0; i < each; ++i) {
                    const auto addr = ClientAddr::v4(
                        {10, 0, std::uint8_t(w), std::uint8_t(i)});
                    BOOST_TEST_REQUIRE(
                        store.add({Network{addr, 32}, at(9999)}).has_value());
                }
            });
    }
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

BOOST_AUTO_TEST_SUITE_END()
