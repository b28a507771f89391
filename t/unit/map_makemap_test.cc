// Real makemap beside our readers.
#define BOOST_TEST_DYN_LINK
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "policy/map/file.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

using namespace policy::map;

namespace {

constexpr const char* makemap = "build/servers/sendmail/usr/sbin/makemap";

/// `makemap TYPE map < text`; whether it says that all went well.
bool run_makemap(const char* type, const std::string& map,
                 const std::string& text)
{
    // fork(2) would copy the tables of a sanitizer's memory each time.
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, text.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    const std::array arguments{"makemap",   "-C",
                               "/dev/null", type,
                               map.c_str(), static_cast<const char*>(nullptr)};
    pid_t pid = 0;
    const int failed =
        posix_spawn(&pid, makemap, &files, nullptr,
                    const_cast<char* const*>(arguments.data()), environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0)
        return false;
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string source(const char* value, int entries)
{
    std::string text;
    for (int i = 0; i < entries; ++i)
        text += "Connect:10.0." + std::to_string(i / 256) + "." +
                std::to_string(i % 256) + "\t" + value + "\n";
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(map_makemap)

BOOST_AUTO_TEST_CASE(reads_both_types)
{
    const TempDir dir;
    spew(dir / "text", "Connect:192.0.2.1\tRELAY\nexample.net  550 go away \n");
    for (const char* type : {"hash", "btree"}) {
        BOOST_REQUIRE(run_makemap(type, dir / type, dir / "text"));
        const auto map = open_file(dir / type, false)->current();
        BOOST_REQUIRE_MESSAGE(map, why(map));
        BOOST_TEST((*map)->size() == 2U);
        BOOST_TEST(*(*map)->find("connect:192.0.2.1") == "RELAY");
        BOOST_TEST(*(*map)->find("example.net") == "550 go away ");
    }
}

// makemap writes the file in place, 1,000 times, while threads look things
// up: each answer is all of the old file or all of the new one.
BOOST_AUTO_TEST_CASE(old_or_new_under_a_thousand_rewrites)
{
    constexpr int entries = 500;
    constexpr int rewrites = 1000;
    const TempDir dir{"/dev/shm"};  // a thousand times fdatasync(2)
    spew(dir / "a", source("OLD", entries));
    spew(dir / "b", source("NEW", entries + 1));
    BOOST_REQUIRE(run_makemap("hash", dir / "access", dir / "a"));
    const auto shared = open_file(dir / "access", false);
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::atomic<int> answers{0};
    std::atomic<int> changes{0};
    std::string trouble;
    const auto look = [&](Source& source) {
        std::string last;
        while (!done) {
            const auto map = source.current();
            if (!map) {
                if (++wrong == 1)
                    trouble = map.error().text;
                continue;
            }
            const std::string value{
                (*map)->find("connect:10.0.0.7").value_or("none")};
            const bool whole =
                (value == "OLD" && (*map)->size() == entries) ||
                (value == "NEW" && (*map)->size() == entries + 1);
            wrong += whole ? 0 : 1;
            changes += value == last ? 0 : 1;
            last = value;
            ++answers;
            std::this_thread::sleep_for(std::chrono::microseconds{200});
        }
    };
    {
        std::jthread one{[&] { look(*shared); }};
        std::jthread two{[&] { look(*shared); }};
        std::jthread fresh{[&] {  // as a program that has just started
            while (!done) {
                const auto map = open_file(dir / "access", false)->current();
                if (!map && ++wrong == 1)
                    trouble = map.error().text;
                std::this_thread::sleep_for(std::chrono::milliseconds{1});
            }
        }};
        for (int i = 0; i < rewrites; ++i)
            BOOST_TEST_REQUIRE(
                run_makemap("hash", dir / "access", dir / (i % 2 ? "a" : "b")));
        done = true;
    }
    BOOST_TEST(wrong == 0, trouble);
    BOOST_TEST(answers > rewrites);
    BOOST_TEST(changes > rewrites / 4);
    // The last state is seen once nothing changes any more.
    std::this_thread::sleep_for(std::chrono::milliseconds{60});
    BOOST_TEST((*shared->current())->size() == std::size_t{entries});
}

BOOST_AUTO_TEST_SUITE_END()
