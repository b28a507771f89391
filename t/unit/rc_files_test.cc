// rc files on disk: whose they are, where they lie, and how many are kept.
#define BOOST_TEST_DYN_LINK
#include "policy/filter/rc_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <fstream>

#include "policy/filter/open_beneath.h"
#include "policy/recipe/limits.h"
#include "t/unit/temp_dir.h"

using namespace policy::filter;
using policy::recipe::Scope;
using State = RcFiles::Got::State;

namespace {

std::string write(const std::string& path, const std::string& text)
{
    std::ofstream{path} << text;
    ::chmod(path.c_str(), 0600);
    return path;
}

/// A user's main file, or with `strictly` one that he includes.
RcRules of_user(uid_t owner, bool strictly = false)
{
    RcRules rules;
    rules.scope = Scope::user;
    rules.owner = owner;
    rules.strictly_owner = strictly;
    return rules;
}

struct Reading {
    std::vector<std::string> alerts;
    RcFiles files{{},
                  [this](const std::string& text) { alerts.push_back(text); }};
    State state(const std::string& path, const RcRules& rules)
    {
        return files.get(path, rules).state;
    }
    bool told(const std::string& words) const
    {
        return !alerts.empty() && alerts.back().find(words) != words.npos;
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(rc_files)

BOOST_AUTO_TEST_CASE(what_one_user_may_read_another_may_not)
{
    TempDir dir;
    const std::string mine = write(dir / "a.rc", "SECRET=x\n");
    const uid_t me = ::geteuid();
    Reading reading;
    BOOST_TEST((reading.state(mine, of_user(me)) == State::usable));
    // The file is known by now, but not to him.
    BOOST_TEST((reading.state(mine, of_user(me + 1, true)) == State::broken));
    BOOST_TEST(reading.told("belongs to somebody else"));
    BOOST_TEST((reading.state(mine, of_user(me, true)) == State::usable));
}

BOOST_AUTO_TEST_CASE(links_lead_nowhere)
{
    TempDir dir;
    const std::string inner = dir / "inner";
    ::mkdir(inner.c_str(), 0755);
    const std::string secret = write(dir / "secret", "A=b\n");
    const std::string link = inner + "/link";
    BOOST_REQUIRE(::symlink(secret.c_str(), link.c_str()) == 0);
    BOOST_REQUIRE(::symlink(inner.c_str(), (dir / "way").c_str()) == 0);
    write(inner + "/file", "A=b\n");
    Reading reading;
    const uid_t me = ::geteuid();
    BOOST_TEST((reading.state(link, of_user(me)) == State::broken));
    BOOST_TEST(reading.told("symbolic link"));
    BOOST_TEST((reading.state(dir / "way/file", of_user(me)) != State::usable));
    RcRules below = of_user(me);
    below.beneath = inner + "/";
    BOOST_TEST((reading.state(inner + "/file", below) == State::usable));
    BOOST_TEST((reading.state(inner + "/../secret", below) == State::broken));
    BOOST_TEST(reading.told("outside"));
    BOOST_TEST((reading.state(secret, below) == State::broken));
    below.scope = Scope::domain;
    BOOST_TEST((reading.state(link, below) == State::broken));
}

BOOST_AUTO_TEST_CASE(a_file_of_root_with_two_names_is_nobodys)
{
    TempDir dir;
    const std::string mine = write(dir / "mine", "A=b\n");
    BOOST_REQUIRE(::link(mine.c_str(), (dir / "other").c_str()) == 0);
    Reading reading;
    BOOST_TEST((reading.state(dir / "other", of_user(::geteuid() + 1)) ==
                State::broken));
    BOOST_TEST(
        (reading.state(dir / "other", of_user(::geteuid())) == State::usable));
}

BOOST_AUTO_TEST_CASE(pipes_and_devices_are_no_recipes)
{
    TempDir dir;
    BOOST_REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
    Reading reading;
    BOOST_TEST(
        (reading.state(dir / "pipe", of_user(::geteuid())) == State::broken));
    BOOST_TEST(reading.told("not a regular file"));
    BOOST_TEST((reading.state("/dev/zero", of_user(0)) == State::broken));
}

BOOST_AUTO_TEST_CASE(each_folder_of_a_path_by_itself)
{
    TempDir dir;
    ::mkdir((dir / "a").c_str(), 0755);
    write(dir / "a/file", "text");
    BOOST_REQUIRE(::symlink("file", (dir / "a/link").c_str()) == 0);
    BOOST_REQUIRE(::symlink("a", (dir / "way").c_str()) == 0);
    const policy::Fd here{::open((dir / ".").c_str(), O_RDONLY)};
    const auto error = [&](const char* path) {
        errno = 0;
        return open_step_by_step(here.get(), path) ? 0 : errno;
    };
    BOOST_TEST(error("a/file") == 0);
    BOOST_TEST(error(".//a///file") == 0);
    BOOST_TEST(error((dir / "a/file").c_str()) == 0);
    BOOST_TEST(error("a/link") == ELOOP);
    BOOST_TEST(error("way/file") == ELOOP);
    BOOST_TEST(error("a/../a/file") == EXDEV);
    BOOST_TEST(error("a/none") == ENOENT);
    BOOST_TEST(error("none/file") == ENOENT);
    BOOST_TEST(error("a/file/x") == ENOTDIR);
}

/// An alert comes once for each file that is known: it comes again only for
/// one that was forgotten.
BOOST_AUTO_TEST_CASE(as_many_files_of_users_as_the_limit_are_kept)
{
    TempDir dir;
    const std::string good = write(dir / "good", "A=b\n");
    const auto alerts_with = [&](std::size_t others) {
        Reading reading;
        // Not changed for long: it is not read again for its own sake.
        reading.state("/dev/null", of_user(0));
        const std::size_t before = reading.alerts.size();
        BOOST_TEST(before == 1U);
        for (std::size_t i = 1; i <= others; ++i) {
            RcRules rules = of_user(::geteuid());
            rules.group = static_cast<gid_t>(i);
            BOOST_REQUIRE((reading.state(good, rules) == State::usable));
        }
        reading.state("/dev/null", of_user(0));
        return reading.alerts.size() - before;
    };
    BOOST_TEST(alerts_with(kept_user_files - 1) == 0U);
    BOOST_TEST(alerts_with(kept_user_files) == 1U);
}

BOOST_AUTO_TEST_CASE(length_of_a_users_file)
{
    TempDir dir;
    const auto state = [&](std::size_t bytes) {
        Reading reading;
        return reading.state(write(dir / "u.rc", std::string(bytes, '\n')),
                             of_user(::geteuid()));
    };
    using policy::recipe::limits::user_rc_bytes;
    BOOST_TEST((state(user_rc_bytes) == State::usable));
    BOOST_TEST((state(user_rc_bytes + 1) == State::broken));
}

BOOST_AUTO_TEST_SUITE_END()
