#include "policy/map/file.h"

#define BOOST_TEST_DYN_LINK
#include <db.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <thread>

#include "policy/map/bdb.h"
#include "policy/map/bdb_pages.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace policy::map;
using policy::Errc;
using Contents = std::map<std::string, std::string>;

namespace {

Contents contents(const Snapshot& snapshot)
{
    Contents all;
    snapshot.for_each(
        [&](std::string_view k, std::string_view v) { all.emplace(k, v); });
    return all;
}

/// A kind of file that libdb can be asked for.
struct Kind {
    const char* name;
    DBTYPE type;
    unsigned page_size;
    int byte_order;  // 0: this machine's
    bool nul;
    std::size_t entries, longest;
};
std::ostream& operator<<(std::ostream& os, const Kind& k)
{
    return os << k.name;
}
const Kind kinds[] = {
    {"hash", DB_HASH, 0, 0, false, 2000, 40},
    {"empty hash", DB_HASH, 0, 0, false, 0, 40},
    {"one entry", DB_HASH, 0, 0, false, 1, 40},
    {"hash with NUL", DB_HASH, 0, 0, true, 500, 40},
    {"hash, small pages", DB_HASH, 512, 0, false, 3000, 60},
    {"hash, large pages", DB_HASH, 65536, 0, false, 3000, 60},
    {"hash, large items", DB_HASH, 1024, 0, false, 300, 9000},
    {"hash, big-endian", DB_HASH, 1024, 4321, false, 500, 3000},
    {"btree", DB_BTREE, 0, 0, false, 2000, 40},
    {"empty btree", DB_BTREE, 0, 0, false, 0, 40},
    {"btree with NUL", DB_BTREE, 0, 0, true, 500, 40},
    {"btree, small pages", DB_BTREE, 512, 0, false, 3000, 60},
    {"btree, large items", DB_BTREE, 1024, 0, false, 300, 9000},
    {"btree, big-endian", DB_BTREE, 1024, 4321, false, 500, 3000},
};

/// Puts and deletes at random, so that pages split, overflow and empty.
Contents write_file(const std::string& path, const Kind& kind, unsigned flags,
                    unsigned seed)
{
    std::mt19937 random{seed};
    DB* db = nullptr;
    BOOST_REQUIRE(db_create(&db, nullptr, 0) == 0);
    if (kind.page_size)
        db->set_pagesize(db, kind.page_size);
    if (kind.byte_order)
        db->set_lorder(db, kind.byte_order);
    if (flags)
        db->set_flags(db, flags);
    BOOST_REQUIRE(db->open(db, nullptr, path.c_str(), nullptr, kind.type,
                           DB_CREATE | DB_EXCL, 0600) == 0);
    Contents model;
    const auto text = [&](std::size_t max) {
        std::string s(random() % max, ' ');
        for (char& c : s)
            c = static_cast<char>(33 + random() % 90);
        return s;
    };
    const auto put = [&](std::string key, std::string value, bool gone) {
        key += kind.nul ? std::string(1, '\0') : "";
        value += kind.nul ? std::string(1, '\0') : "";
        DBT k{}, v{};
        k.data = key.data();
        k.size = static_cast<u_int32_t>(key.size());
        v.data = value.data();
        v.size = static_cast<u_int32_t>(value.size());
        BOOST_REQUIRE((gone ? db->del(db, nullptr, &k, 0)
                            : db->put(db, nullptr, &k, &v, 0)) == 0);
    };
    for (std::size_t i = 0; i < kind.entries; ++i) {
        const std::string key = std::to_string(random()) + text(kind.longest);
        const std::string value = text(kind.longest);
        put(key, value, false);
        model.insert_or_assign(key, value);
        if (random() % 4 == 0 && model.size() > 1) {
            const auto victim = model.begin();
            put(victim->first, "", true);
            model.erase(victim);
        }
    }
    BOOST_REQUIRE(db->close(db, 0) == 0);
    return model;
}

policy::Result<std::shared_ptr<const Snapshot>> read_file(
    const std::string& path)
{
    return open_file(path, false)->current();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(map_file)

BOOST_DATA_TEST_CASE(reads_what_libdb_wrote, data::make(kinds))
{
    for (unsigned seed = 1; seed <= 3; ++seed) {
        const TempDir dir;
        const auto want = write_file(dir / "x.db", sample, 0, seed);
        const auto map = read_file(dir / "x.db");
        BOOST_REQUIRE_MESSAGE(map, why(map));
        BOOST_TEST((contents(**map) == want));
        BOOST_TEST((*map)->size() == want.size());
        BOOST_TEST(!(*map)->find("no such key"));
    }
}

BOOST_AUTO_TEST_CASE(first_of_duplicate_keys)
{
    const TempDir dir;
    DB* db = nullptr;
    BOOST_REQUIRE(db_create(&db, nullptr, 0) == 0);
    db->set_pagesize(db, 512);
    db->set_flags(db, DB_DUP);
    BOOST_REQUIRE(db->open(db, nullptr, (dir / "d.db").c_str(), nullptr,
                           DB_BTREE, DB_CREATE, 0600) == 0);
    const auto put = [&](std::string key, std::string value) {
        DBT k{}, v{};
        k.data = key.data();
        k.size = static_cast<u_int32_t>(key.size());
        v.data = value.data();
        v.size = static_cast<u_int32_t>(value.size());
        BOOST_REQUIRE(db->put(db, nullptr, &k, &v, 0) == 0);
    };
    for (int i = 0; i < 300; ++i)  // so many that they get a tree of their own
        put("many", "value " + std::to_string(i));
    put("two", "1st");
    put("two", "2nd");
    put(std::string(2000, 'k'), "large, 1st");
    put(std::string(2000, 'k'), "large, 2nd");
    BOOST_REQUIRE(db->close(db, 0) == 0);
    const auto map = read_file(dir / "d.db");
    BOOST_REQUIRE_MESSAGE(map, why(map));
    BOOST_TEST((*map)->size() == 3U);
    BOOST_TEST(*(*map)->find("many") == "value 0");
    BOOST_TEST(*(*map)->find("two") == "1st");
    BOOST_TEST(*(*map)->find(std::string(2000, 'k')) == "large, 1st");
}

// Cut anywhere at a page's end, a file gives an error or all it ever had.
BOOST_DATA_TEST_CASE(truncated_at_every_page, data::make(kinds))
{
    const TempDir dir;
    const auto want = write_file(dir / "x.db", sample, 0, 4);
    const std::string whole = slurp(dir / "x.db");
    const std::size_t page = sample.page_size ? sample.page_size : 4096;
    for (std::size_t size = 0; size < whole.size(); size += page) {
        const auto cut =
            parse_file(std::string_view{whole}.substr(0, size), dir / "x.db");
        if (cut)
            BOOST_TEST((contents(**cut) == want));
        else
            BOOST_TEST((cut.error().code == Errc::format));
        if (!cut)
            BOOST_TEST(cut.error().text.starts_with(dir / "x.db: "));
    }
}

// Whatever the octets are, there is an answer; under ASan this is the proof
// that nothing outside of them is read.
BOOST_DATA_TEST_CASE(survives_damage, data::make(kinds))
{
    const TempDir dir;
    write_file(dir / "x.db", sample, 0, 5);
    const std::string whole = slurp(dir / "x.db");
    std::mt19937 random{6};
    const std::size_t page = sample.page_size ? sample.page_size : 4096;
    for (int i = 0; i < 300; ++i) {
        std::string bad = whole;
        for (unsigned hits = 1 + random() % 4; hits > 0; --hits) {
            // Most hits go to the heads of pages, where the links are.
            const std::size_t at =
                random() % 3
                    ? random() % (bad.size() / page) * page + random() % 64
                    : random() % bad.size();
            bad[at] = static_cast<char>(random());
        }
        if (random() % 8 == 0)
            bad.resize(random() % bad.size());
        const auto read = parse_file(bad, "x.db");
        BOOST_TEST((read || read.error().code == Errc::format));
        std::size_t salvaged = 0;
        const auto repaired = visit_bdb(
            bad, [&](std::string_view, std::string_view) { ++salvaged; },
            Damage::skip);
        BOOST_TEST((repaired || salvaged == 0));
    }
}

BOOST_AUTO_TEST_CASE(salvages_the_other_pages)
{
    const TempDir dir;
    const auto want = write_file(dir / "x.db", kinds[0], 0, 7);
    std::string bad = slurp(dir / "x.db");
    bad[4096 * 3 + 20] = '\xff';  // number of entries of page 3
    bad[4096 * 3 + 21] = '\xff';
    BOOST_TEST(!parse_file(bad, "x.db"));
    Contents got;
    BOOST_REQUIRE(visit_bdb(
        bad, [&](std::string_view k, std::string_view v) { got.emplace(k, v); },
        Damage::skip));
    BOOST_TEST(got.size() < want.size());
    BOOST_TEST(got.size() > want.size() * 3 / 4);
    for (const auto& [key, value] : got)
        BOOST_TEST(want.at(key) == value);
}

struct Foreign {
    const char* name;
    std::string octets;
};
std::ostream& operator<<(std::ostream& os, const Foreign& f)
{
    return os << f.name;
}
const Foreign foreign[] = {
    {"empty", ""},
    {"one octet", "x"},
    {"text", "192.0.2.1\tRELAY\n"},
    {"zeros", std::string(8192, '\0')},
    {"an ELF head", "\177ELF\2\1\1" + std::string(5000, 'x')},
    {"a magic number and no more",
     std::string(12, '\0') + std::string("\x61\x15\x06\0", 4)},
};

BOOST_DATA_TEST_CASE(foreign_files_are_errors, data::make(foreign))
{
    const TempDir dir;
    spew(dir / "x.db", sample.octets);
    for (const bool optional : {true, false}) {
        const auto map = open_file(dir / "x", optional)->current();
        BOOST_REQUIRE(!map);
        BOOST_TEST((map.error().code == Errc::format));
        BOOST_TEST(map.error().text.starts_with(dir / "x.db: "));
        BOOST_TEST(map.error().text.find('\n') == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(missing_file)
{
    const TempDir dir;
    const auto empty = open_file(dir / "x", true)->current();
    BOOST_REQUIRE(empty);
    BOOST_TEST((*empty)->size() == 0U);
    const auto gone = open_file(dir / "x", false)->current();
    BOOST_REQUIRE(!gone);
    BOOST_TEST((gone.error().code == Errc::gone));
    BOOST_TEST(gone.error().text == dir / "x.db: No such file or directory");
}

BOOST_AUTO_TEST_CASE(not_a_regular_file)
{
    const TempDir dir;
    BOOST_REQUIRE(mkfifo((dir / "pipe.db").c_str(), 0600) == 0);
    BOOST_REQUIRE(mkdir((dir / "dir.db").c_str(), 0700) == 0);
    for (const char* name : {"pipe", "dir"}) {
        const auto map = open_file(dir / name, true)->current();
        BOOST_REQUIRE(!map);
        BOOST_TEST((map.error().code == Errc::io));
    }
}

BOOST_AUTO_TEST_CASE(same_reading_until_the_file_changes)
{
    const TempDir dir;
    const auto one = [&](const char* path, const char* value) {
        BOOST_REQUIRE(bdb_create(dir / path, 1,
                                 [&](const auto& put) { put("key", value); }));
    };
    one("x.db", "old");
    const auto source = open_file(dir / "x", false);
    BOOST_TEST(source->name() == dir / "x.db");
    BOOST_TEST(*(*source->current())->find("key") == "old");
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    const auto settled = *source->current();
    BOOST_TEST(source->current()->get() == settled.get());
    one("new.db", "renamed");
    std::filesystem::rename(dir / "new.db", dir / "x.db");
    BOOST_TEST(*(*source->current())->find("key") == "renamed");
    BOOST_REQUIRE(bdb_apply(dir / "x.db", {Change{"key", "in place"}}));
    BOOST_TEST(*(*source->current())->find("key") == "in place");
    BOOST_TEST(*settled->find("key") == "old");
    std::filesystem::remove(dir / "x.db");
    BOOST_TEST(!source->current());
}

BOOST_AUTO_TEST_CASE(old_entries_while_a_writer_holds_the_lock)
{
    const TempDir dir;
    BOOST_REQUIRE(bdb_create(dir / "x.db", 1,
                             [](const auto& put) { put("key", "old"); }));
    const auto source = open_file(dir / "x", false);
    BOOST_REQUIRE(source->current());
    const int fd = open((dir / "x.db").c_str(), O_RDWR);
    BOOST_REQUIRE(flock(fd, LOCK_EX) == 0);
    BOOST_REQUIRE(ftruncate(fd, 0) == 0);
    BOOST_TEST(*(*source->current())->find("key") == "old");
    close(fd);
    BOOST_TEST(!source->current());  // the writer died: torn, an error
}

BOOST_AUTO_TEST_CASE(first_reading_waits_for_the_writer)
{
    const TempDir dir;
    BOOST_REQUIRE(bdb_create(dir / "x.db", 1,
                             [](const auto& put) { put("key", "done"); }));
    const int fd = open((dir / "x.db").c_str(), O_RDWR);
    BOOST_REQUIRE(flock(fd, LOCK_EX) == 0);
    std::jthread writer{[fd] {
        std::this_thread::sleep_for(std::chrono::milliseconds{100});
        close(fd);
    }};
    const auto map = open_file(dir / "x", false)->current();
    BOOST_REQUIRE(map);
    BOOST_TEST(*(*map)->find("key") == "done");
    const auto locked = open((dir / "x.db").c_str(), O_RDWR);
    BOOST_REQUIRE(flock(locked, LOCK_EX) == 0);
    const auto late = read_locked(dir / "x.db", std::chrono::milliseconds{20});
    BOOST_REQUIRE(!late);
    BOOST_TEST((late.error().code == Errc::timeout));
    close(locked);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(map_bdb)

BOOST_AUTO_TEST_CASE(creates_and_changes)
{
    const TempDir dir;
    Contents want;
    for (int i = 0; i < 5000; ++i)
        want.emplace(
            "10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256),
            std::to_string(i));
    BOOST_REQUIRE(bdb_create(dir / "x.db", want.size(), [&](const auto& put) {
        for (const auto& [k, v] : want)
            put(k, v);
    }));
    BOOST_TEST((contents(**read_file(dir / "x.db")) == want));
    BOOST_REQUIRE(bdb_apply(dir / "x.db", {{"10.0.0.1", std::nullopt},
                                           {"10.0.0.2", "new"},
                                           {"10.9.9.9", "added"},
                                           {"not there", std::nullopt}}));
    want.erase("10.0.0.1");
    want["10.0.0.2"] = "new";
    want["10.9.9.9"] = "added";
    BOOST_TEST((contents(**read_file(dir / "x.db")) == want));
    BOOST_TEST(bdb_verify(dir / "x.db").has_value());
}

BOOST_AUTO_TEST_CASE(keeps_the_form_of_keys)
{
    const TempDir dir;
    write_file(dir / "x.db", {"", DB_HASH, 0, 0, true, 3, 9}, 0, 1);
    BOOST_REQUIRE(bdb_apply(dir / "x.db", {Change{"10.0.0.2", "1"}}));
    bool found = false;
    BOOST_REQUIRE(visit_bdb(slurp(dir / "x.db"), [&](auto key, auto value) {
        BOOST_TEST(key.back() == '\0');
        found = found || (key == std::string_view{"10.0.0.2\0", 9} &&
                          value == std::string_view{"1\0", 2});
    }));
    BOOST_TEST(found);
}

BOOST_AUTO_TEST_CASE(errors_name_the_file)
{
    const TempDir dir;
    spew(dir / "text.db", "no map\n");
    for (const auto& status :
         {bdb_apply(dir / "text.db", {Change{"a", "b"}}),
          bdb_verify(dir / "text.db"),
          bdb_create(dir / "text.db", 1, [](const auto&) {}),
          bdb_create(dir / "no/such/dir.db", 1, [](const auto&) {})}) {
        BOOST_REQUIRE(!status);
        BOOST_TEST(status.error().text.starts_with(dir.path.string()));
        BOOST_TEST(status.error().text.find('\n') == std::string::npos);
    }
    BOOST_TEST((bdb_verify(dir / "text.db").error().code == Errc::format));
    BOOST_TEST(slurp(dir / "text.db") == "no map\n");
}

BOOST_AUTO_TEST_SUITE_END()
