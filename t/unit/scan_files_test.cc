#define BOOST_TEST_DYN_LINK
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <filesystem>

#include "milters/scanner/held_set.h"
#include "policy/scan/unpack_watch.h"
#include "t/unit/temp_dir.h"

BOOST_AUTO_TEST_SUITE(scan_files)

using milters::scanner::HeldSet;
using policy::scan::UnpackWatch;

BOOST_AUTO_TEST_CASE(what_stdio_could_not_write_is_remembered)
{
    BOOST_TEST(UnpackWatch::works());
    const UnpackWatch watch;
    BOOST_TEST(!watch.failure());
    std::FILE* const full = std::fopen("/dev/full", "w");
    BOOST_REQUIRE(full);
    BOOST_TEST(std::fputs("fits into the buffer", full) >= 0);
    BOOST_TEST(!watch.failure());
    std::fclose(full);
    BOOST_REQUIRE(watch.failure());
    BOOST_TEST(std::string{watch.failure()} ==
               "write: No space left on device");
    // The next scan starts anew.
    BOOST_TEST(!UnpackWatch{}.failure());
}

BOOST_AUTO_TEST_CASE(an_error_that_the_last_write_got_over_is_remembered)
{
    const UnpackWatch watch;
    std::FILE* const full = std::fopen("/dev/full", "w");
    BOOST_REQUIRE(full);
    std::fputs("x", full);
    BOOST_TEST(std::fflush(full) != 0);
    std::fclose(full);
    BOOST_TEST(watch.failure());
}

BOOST_AUTO_TEST_CASE(what_a_library_tries_in_vain_is_no_failure)
{
    const TempDir dir;
    const UnpackWatch watch;
    BOOST_TEST(::mkdir(dir.path.c_str(), 0700) != 0);  // it is there
    BOOST_TEST(!std::fopen((dir / "none").c_str(), "r"));
    BOOST_TEST(!watch.failure());
    BOOST_TEST(::mkdir((dir / "a/b").c_str(), 0700) != 0);
    BOOST_TEST(watch.failure());
}

BOOST_AUTO_TEST_CASE(a_set_that_is_held_outlives_its_files)
{
    const TempDir dir;
    const std::string db = dir / "db";
    std::filesystem::create_directory(db);
    spew(db + "/a.ndb", "old a");
    spew(db + "/b.hdb", "old b");
    spew(db + "/README", "no signatures");
    const auto set = HeldSet::take(db, dir.path.string());
    BOOST_REQUIRE(set);
    BOOST_TEST(set->files().size() == 2U);
    BOOST_TEST(set->state().bytes == 10U);
    spew(db + "/new", "new a");
    std::filesystem::rename(db + "/new", db + "/a.ndb");
    std::filesystem::remove(db + "/b.hdb");
    BOOST_TEST(slurp(set->path() + "/a.ndb") == "old a");
    BOOST_TEST(slurp(set->path() + "/b.hdb") == "old b");
    // Replaced and removed files do not count as changed: ctime is not asked.
    BOOST_TEST(set->unchanged());
}

BOOST_AUTO_TEST_CASE(a_set_that_is_written_into_is_told)
{
    const TempDir dir;
    spew(dir / "a.ndb", "old");
    auto set = HeldSet::take(dir / "a.ndb", dir.path.string());
    BOOST_REQUIRE(set);
    BOOST_TEST(set->unchanged());
    spew(dir / "a.ndb", "longer");
    BOOST_TEST(!set->unchanged());
}

BOOST_AUTO_TEST_CASE(links_go_with_the_set)
{
    const TempDir dir;
    spew(dir / "a.ndb", "old");
    std::string links;
    {
        const auto set = HeldSet::take(dir / "a.ndb", dir.path.string());
        BOOST_REQUIRE(set);
        links = set->path();
        BOOST_TEST(std::filesystem::exists(links));
    }
    BOOST_TEST(!std::filesystem::exists(links));
    std::filesystem::create_directory(dir / "empty");
    const auto none = HeldSet::take(dir / "empty", dir.path.string());
    BOOST_REQUIRE(!none);
    BOOST_TEST((none.error().code == policy::Errc::gone));
    BOOST_TEST(none.error().text.find("no signature files") !=
               std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
