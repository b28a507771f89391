#define BOOST_TEST_DYN_LINK
#include <cdb.h>
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <sstream>

#include "policy/map/bdb185.h"
#include "policy/map/cdb_map.h"
#include "policy/map/file.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace policy::map;
using policy::Errc;
using Contents = std::map<std::string, std::string>;

namespace {

const std::string folder = "t/unit/data/";

Contents contents(const Snapshot& snapshot)
{
    Contents all;
    snapshot.for_each([&](auto k, auto v) { all.emplace(k, v); });
    return all;
}

Contents expected()
{
    Contents all;
    std::istringstream in{slurp(folder + "db185.txt")};
    for (std::string line; std::getline(in, line);)
        all.emplace(line.substr(0, line.find('\t')),
                    line.substr(line.find('\t') + 1));
    return all;
}

void write_cdb(const std::string& path, const Contents& entries)
{
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    cdb_make made{};
    BOOST_REQUIRE(cdb_make_start(&made, fd) == 0);
    for (const auto& [k, v] : entries)
        BOOST_REQUIRE(cdb_make_add(&made, k.data(), unsigned(k.size()),
                                   v.data(), unsigned(v.size())) == 0);
    BOOST_REQUIRE(cdb_make_finish(&made) == 0);
    close(fd);
}

/// Any answer but a crash, for octets changed and cut at random.
void damage(const std::string& whole, const char* name)
{
    std::mt19937 random{1};
    for (int i = 0; i < 2000; ++i) {
        std::string bad = whole;
        for (unsigned hits = random() % 4; hits > 0; --hits)
            bad[random() % 3 ? random() % 300 : random() % bad.size()] =
                static_cast<char>(random());
        if (random() % 4 == 0)
            bad.resize(random() % bad.size());
        const auto read = parse_file(bad, name);
        BOOST_TEST((read || read.error().code == Errc::format));
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(map_db185)

const char* const files[] = {"db185-le.db", "db185-be.db", "db185-nul.db"};

BOOST_DATA_TEST_CASE(reads_every_entry, data::make(files))
{
    const auto map = open_file(folder + sample, false)->current();
    BOOST_REQUIRE_MESSAGE(map, why(map));
    BOOST_TEST((contents(**map) == expected()));
}

// The header counts the entries, so that a lost page shows.
BOOST_DATA_TEST_CASE(cut_anywhere, data::make(files))
{
    const std::string whole = slurp(folder + sample);
    for (std::size_t size = 0; size < whole.size(); size += 64) {
        const auto cut =
            parse_file(std::string_view{whole}.substr(0, size), "x.db");
        BOOST_TEST((!cut || contents(**cut) == expected()));
    }
}

BOOST_DATA_TEST_CASE(survives_damage, data::make(files))
{
    damage(slurp(folder + sample), "x.db");
}

BOOST_AUTO_TEST_CASE(names_what_it_cannot_read)
{
    const std::string btree{"\x62\x31\x05\x00\x03\x00\x00\x00", 8};
    const auto read = parse_file(btree + std::string(5000, '\0'), "x.db");
    BOOST_REQUIRE(!read);
    BOOST_TEST(read.error().text ==
               "x.db: a btree of Berkeley DB 1.85, which is not supported");
    const auto written = check_writable(slurp(folder + files[0]), "x.db");
    BOOST_REQUIRE(!written);
    BOOST_TEST(
        written.error().text.starts_with("x.db: can be read but not written"));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(map_cdb)

BOOST_AUTO_TEST_CASE(reads_what_libcdb_wrote)
{
    const TempDir dir;
    for (const auto& want : {Contents{}, Contents{{"a", "1"}}, expected()}) {
        write_cdb(dir / "x.cdb", want);
        for (const char* name : {"x.cdb", "x"}) {
            const auto map = open_file(dir / name, false)->current();
            BOOST_REQUIRE_MESSAGE(map, why(map));
            BOOST_TEST((contents(**map) == want));
        }
    }
}

BOOST_AUTO_TEST_CASE(cut_and_damaged)
{
    const TempDir dir;
    write_cdb(dir / "x.cdb", expected());
    const std::string whole = slurp(dir / "x.cdb");
    for (std::size_t size = 0; size < whole.size(); size += 61)
        BOOST_TEST(
            !parse_file(std::string_view{whole}.substr(0, size), "x.cdb"));
    damage(whole, "x.cdb");
    const auto text = parse_file("192.0.2.1\tRELAY\n", "x.cdb");
    BOOST_REQUIRE(!text);
    BOOST_TEST(text.error().text == "x.cdb: truncated or no cdb file");
    BOOST_TEST(!parse_file(whole, "x.db"));  // has no magic number
}

BOOST_AUTO_TEST_SUITE_END()
