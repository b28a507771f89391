// A log that grows, is rotated, cut and read on after a restart.
#define BOOST_TEST_DYN_LINK
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "milters/login/tail.h"

namespace fs = std::filesystem;
using milters::login::Place;
using milters::login::place_from;
using milters::login::Tail;

namespace {

struct Folder {
    Folder()
    {
        std::string name = fs::temp_directory_path() / "postern-tail.XXXXXX";
        BOOST_REQUIRE(mkdtemp(name.data()));
        path = name;
    }
    ~Folder() { fs::remove_all(path); }

    std::string log() const { return path / "mail.log"; }
    std::string state() const { return path / "state"; }
    void append(const std::string& text, const char* name = "mail.log") const
    {
        std::ofstream{path / name, std::ios::app} << text;
    }

    fs::path path;
};

/// Reads until idle; live lines plain, others after a `~`.
struct Reader {
    explicit Reader(const Folder& folder) : tail{folder.log(), folder.state()}
    {
    }
    std::string read()
    {
        std::string out;
        const auto line = [&](std::string_view text, bool live) {
            out += (live ? "" : "~") + std::string{text} + "|";
        };
        for (int i = 0; i < 1000; ++i) {
            const auto outcome = tail.poll(line, now);
            if (!outcome)
                return outcome.error().text;
            if (*outcome != Tail::Outcome::more)
                break;
        }
        return out;
    }
    Tail tail;
    policy::Seconds now{std::chrono::seconds{1000}};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(login_tail)

BOOST_AUTO_TEST_CASE(begins_at_the_end)
{
    const Folder f;
    f.append("old\n");
    Reader r{f};
    BOOST_TEST(r.read() == "");
    f.append("new\npart");
    BOOST_TEST(r.read() == "new|");
    f.append("ial\n\n");
    BOOST_TEST(r.read() == "partial||");
}

BOOST_AUTO_TEST_CASE(never_begins_within_a_line)
{
    const Folder f;
    f.append("first half of a line");
    Reader r{f};
    BOOST_TEST(r.read() == "");
    f.append("Nov 21 22:21:00 forged\nnext\n");
    BOOST_TEST(r.read() == "next|");
}

BOOST_AUTO_TEST_CASE(waits_for_a_file)
{
    const Folder f;
    Reader r{f};
    BOOST_TEST(r.read() == "");
    f.append("a\n");
    BOOST_TEST(r.read() == "~a|");
    f.append("b\n");
    BOOST_TEST(r.read() == "b|");
}

BOOST_AUTO_TEST_CASE(goes_on_where_it_stopped)
{
    const Folder f;
    f.append("0\n");
    {
        Reader r{f};
        r.read();
        f.append("1\n2\nhal");
        BOOST_TEST(r.read() == "1|2|");
        BOOST_REQUIRE(r.tail.save());
    }
    f.append("f\n3\n");
    Reader r{f};
    BOOST_TEST(r.read() == "~half|~3|");
    f.append("4\n");
    BOOST_TEST(r.read() == "4|");
}

BOOST_AUTO_TEST_CASE(rename_and_create)
{
    const Folder f;
    f.append("0\n");
    Reader r{f};
    r.read();
    f.append("1\n");
    fs::rename(f.log(), f.log() + ".1");
    f.append("2\n", "mail.log.1");
    BOOST_TEST(r.read() == "1|2|");
    f.append("4\n");
    BOOST_TEST(r.read() == "~4|");
    f.append("3\n", "mail.log.1");  // its writer did not know yet
    f.append("5\n");
    BOOST_TEST(r.read() == "3|5|");
    r.now += Tail::linger + std::chrono::seconds{1};
    r.read();
    f.append("lost\n", "mail.log.1");
    f.append("6\n");
    BOOST_TEST(r.read() == "6|");
}

BOOST_AUTO_TEST_CASE(rotated_while_we_were_down)
{
    const Folder f;
    f.append("0\n");
    {
        Reader r{f};
        r.read();
        f.append("1\n");
        r.read();
        BOOST_REQUIRE(r.tail.save());
    }
    f.append("2\n");
    fs::rename(f.log(), f.path / "mail-20261121.log");
    f.append("3\n");
    Reader r{f};
    BOOST_TEST(r.read() == "~2|~3|");
    f.append("4\n");
    BOOST_TEST(r.read() == "4|");
}

BOOST_AUTO_TEST_CASE(copytruncate)
{
    const Folder f;
    f.append("0\n");
    Reader r{f};
    r.read();
    f.append("1\n2\n3\n");
    BOOST_TEST(r.read() == "1|2|3|");
    fs::resize_file(f.log(), 0);
    f.append("4\n");
    BOOST_TEST(r.read() == "~4|");
    f.append("5\n");
    BOOST_TEST(r.read() == "5|");
}

BOOST_AUTO_TEST_CASE(cut_and_grown_again_between_two_looks)
{
    const Folder f;
    f.append("0\n");
    Reader r{f};
    r.read();
    fs::resize_file(f.log(), 0);
    f.append("a longer line than before\nb\n");
    BOOST_TEST(r.read() == "~a longer line than before|~b|");
}

BOOST_AUTO_TEST_CASE(another_file_with_the_same_inode)
{
    const Folder f;
    f.append("0\n1\n2\n");
    {
        Reader r{f};
        r.read();
        BOOST_REQUIRE(r.tail.save());
    }
    // What an inode number that is used again looks like.
    fs::resize_file(f.log(), 0);
    f.append("other\nlines\nhere\n");
    Reader r{f};
    BOOST_TEST(r.read() == "~other|~lines|~here|");
}

BOOST_AUTO_TEST_CASE(long_lines_are_left_out)
{
    const Folder f;
    f.append("0\n");
    Reader r{f};
    r.read();
    f.append(std::string(Tail::max_line, 'x') + "\n");
    BOOST_TEST(r.read() == std::string(Tail::max_line, 'x') + "|");
    f.append(std::string(Tail::max_line + 1, 'y'));
    f.append("Nov 21\n1\n");
    BOOST_TEST(r.read() == "1|");
    f.append(std::string(300 * 1024, 'z') + "\n2\n");
    BOOST_TEST(r.read() == "2|");
}

BOOST_AUTO_TEST_CASE(stopped_within_a_long_line)
{
    const Folder f;
    f.append("0\n");
    {
        Reader r{f};
        r.read();
        f.append(std::string(Tail::max_line + 1, 'y'));
        r.read();
        BOOST_REQUIRE(r.tail.save());
    }
    f.append("Nov 21 forged\n1\n");
    Reader r{f};
    BOOST_TEST(r.read() == "~1|");
}

BOOST_AUTO_TEST_CASE(a_budget_is_kept)
{
    const Folder f;
    f.append("");
    Tail tail{f.log(), ""};
    int count = 0;
    const auto line = [&](std::string_view, bool) { ++count; };
    const policy::Seconds now{};
    BOOST_REQUIRE(tail.poll(line, now));
    std::string many;
    for (int i = 0; i < 100'000; ++i)
        many += "line\n";
    f.append(many);
    const auto first = tail.poll(line, now, 64 * 1024);
    BOOST_REQUIRE(first);
    BOOST_TEST((*first == Tail::Outcome::more));
    BOOST_TEST(count < 30'000);
    while (*tail.poll(line, now) == Tail::Outcome::more) {
    }
    BOOST_TEST(count == 100'000);
}

BOOST_AUTO_TEST_CASE(no_regular_file)
{
    const Folder f;
    fs::create_directory(f.log());
    Reader r{f};
    BOOST_TEST(r.read().find("no regular file") != std::string::npos);
    fs::remove(f.log());
    BOOST_REQUIRE(mkfifo(f.log().c_str(), 0600) == 0);
    BOOST_TEST(r.read().find("no regular file") != std::string::npos);
    fs::remove(f.log());
    f.append("a\n");
    BOOST_TEST(r.read() == "");
    f.append("b\n");
    BOOST_TEST(r.read() == "b|");
}

BOOST_AUTO_TEST_CASE(a_damaged_state_file_is_none)
{
    for (const char* bad : {"", "postern-follow 1", "postern-follow 1 a b c",
                            "postern-follow 1 1 2 -3 4 5", "other 1 1 2 3 4 5",
                            "postern-follow 1 1 2 3 4000 5"})
        BOOST_TEST(!place_from(bad), bad);
    const Place place{1, 2, 3, 4, 5};
    BOOST_TEST((*place_from(to_text(place)) == place));
    const Folder f;
    f.append("0\n");
    std::ofstream{f.state()} << "rubbish\n";
    Reader r{f};
    BOOST_TEST(r.read() == "");
    f.append("1\n");
    BOOST_TEST(r.read() == "1|");
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_stored_is_an_error)
{
    const Folder f;
    f.append("0\n");
    Tail tail{f.log(), f.path / "missing" / "state"};
    BOOST_REQUIRE(tail.poll([](auto, bool) {}, policy::Seconds{}));
    BOOST_TEST(!tail.save());
}

BOOST_AUTO_TEST_SUITE_END()
