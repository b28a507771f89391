// What a makemap in place leaves when it is killed: files of the right kind
// that are not whole.  All of them are errors, or have every entry.
#define BOOST_TEST_DYN_LINK
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "policy/map/file.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace policy::map;

namespace {

constexpr std::size_t page = 4096;

std::string source(std::size_t from, std::size_t to, std::size_t padding = 0)
{
    std::string text;
    for (std::size_t i = from; i < to; ++i)
        text += "Connect:10.0." + std::to_string(i / 256) + "." +
                std::to_string(i % 256) + "\tREJECT " +
                std::string(padding == 0 ? 0 : i % padding, 'x') + "\n";
    return text;
}

/// Real makemap; `options` go before the type.  -> the file's octets
std::string makemap(const TempDir& dir, const std::string& text,
                    const std::string& type, const std::string& options = "")
{
    spew(dir / "text", text);
    const std::string command =
        "build/servers/sendmail/usr/sbin/makemap -C /dev/null " + options +
        " " + type + " " + (dir / "x") + " < " + (dir / "text") +
        " > /dev/null 2>&1";
    BOOST_REQUIRE(std::system(command.c_str()) == 0);
    return slurp(dir / "x.db");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(map_torn)

const std::size_t sizes[] = {0, 1, 2, 3, 50, 199, 200, 400, 1000, 5000, 20000};

// Files as makemap leaves them, with pages that wait for a bucket and free
// ones, are whole; also when it has added to a file or replaced entries.
BOOST_DATA_TEST_CASE(whole_files_are_whole, data::make(sizes))
{
    for (const char* type : {"hash", "btree"})
        for (const char* form : {"", "-N"}) {
            const TempDir dir;
            auto map =
                parse_file(makemap(dir, source(0, sample), type, form), "x.db");
            BOOST_REQUIRE_MESSAGE(map, why(map));
            BOOST_TEST((*map)->size() == sample);
            const auto more = source(sample / 2, sample + 100, 200);
            map = parse_file(
                makemap(dir, more, type, std::string{form} + " -o -r"), "x.db");
            BOOST_REQUIRE_MESSAGE(map, why(map));
            BOOST_TEST((*map)->size() == sample + 100);
        }
}

// Any page may not have reached the disk, alone or with all behind it.
BOOST_AUTO_TEST_CASE(a_page_that_was_not_written)
{
    for (const char* type : {"hash", "btree"})
        for (const std::size_t entries : {1, 2, 50, 400, 5000}) {
            const TempDir dir;
            const auto whole = makemap(dir, source(0, entries), type);
            for (std::size_t at = page; at < whole.size(); at += page) {
                auto bad = whole;
                bad.replace(at, page, page, '\0');
                auto map = parse_file(bad, "x.db");
                BOOST_TEST((!map || (*map)->size() == entries));
                bad.replace(at, bad.npos, whole.size() - at, '\0');
                map = parse_file(bad, "x.db");
                BOOST_TEST((!map || (*map)->size() == entries));
            }
        }
}

// The first page, which tells of all the others, is from an earlier time.
BOOST_AUTO_TEST_CASE(an_old_first_page)
{
    for (const char* type : {"hash", "btree"})
        for (const std::size_t before : {0, 100, 3000, 4900}) {
            const TempDir dir;
            const auto old = makemap(dir, source(0, before), type);
            const auto now = makemap(dir, source(0, 5000), type);
            const auto map =
                parse_file(old.substr(0, page) + now.substr(page), "x.db");
            BOOST_TEST((!map || (*map)->size() == 5000U));
        }
}

// Pages that libdb wrote early, to have room in its cache, are older than the
// rest.
BOOST_AUTO_TEST_CASE(old_pages)
{
    const TempDir dir;
    const auto old = makemap(dir, source(0, 4990), "hash");
    const auto now = makemap(dir, source(0, 5000), "hash");
    BOOST_REQUIRE(old.size() == now.size());
    for (std::size_t at = page; at < now.size(); at += page) {
        auto mixed = now;
        mixed.replace(at, page, old, at, page);
        const auto map = parse_file(mixed, "x.db");
        BOOST_TEST((!map || (*map)->size() == 5000U));
    }
}

BOOST_AUTO_TEST_CASE(octets_behind_the_last_page)
{
    for (const char* type : {"hash", "btree"}) {
        const TempDir dir;
        const auto whole = makemap(dir, source(0, 100), type);
        for (const std::size_t more : {std::size_t{1}, page, 9 * page}) {
            const auto map =
                parse_file(whole + std::string(more, '\0'), "x.db");
            BOOST_REQUIRE(!map);
            BOOST_TEST(map.error().text.starts_with("x.db: torn: "));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
