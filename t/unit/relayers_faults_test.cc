// Each operation on files fails once, and disks are full: nothing that was
// acknowledged is lost.
#define BOOST_TEST_DYN_LINK
#include <sys/stat.h>

#include "t/unit/relayers_fixture.h"

using namespace relayers_test;

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
