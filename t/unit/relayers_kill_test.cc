// kill -9 of a process that keeps grants, at random, again and again.
#define BOOST_TEST_DYN_LINK
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <random>
#include <set>

#include "policy/map/bdb.h"
#include "policy/relayers/direct_store.h"
#include "policy/relayers/file_store.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

using namespace policy::relayers;
using policy::ClientAddr;
using policy::Network;
using policy::Seconds;
using std::chrono::seconds;

namespace {

Network address(unsigned n)
{
    return {ClientAddr::v4({10, std::uint8_t(n >> 16), std::uint8_t(n >> 8),
                            std::uint8_t(n)}),
            32};
}

/// What a writer is about to do, and has done.
struct Note {
    enum class What : unsigned { adding, added, removing, removed } what;
    unsigned number;
};

/// The life of the process: adds, and removes every seventh again, telling
/// before and after each, until it is killed.
[[noreturn]] void write_for_ever(const TempDir& dir, int notes, unsigned first)
{
    auto store = FileStore::open({.file = dir / "relayers.db",
                                  .journal = dir.path,
                                  .window = seconds{0}});
    const auto tell = [notes](Note::What what, unsigned n) {
        const Note note{what, n};
        if (write(notes, &note, sizeof note) != sizeof note)
            _exit(2);
    };
    if (!store)
        _exit(3);
    for (unsigned n = first;; ++n) {
        tell(Note::What::adding, n);
        if ((*store)->add({address(n), Seconds{seconds{n}}}))
            tell(Note::What::added, n);
        if (n % 7 != 0 || n < first + 7)
            continue;
        tell(Note::What::removing, n - 7);
        if ((*store)->remove(address(n - 7)))
            tell(Note::What::removed, n - 7);
    }
}

/// What must be in the file and what may: an operation that was not
/// acknowledged may have happened or not.
struct Model {
    std::set<unsigned> must, may;
    unsigned next = 0;

    void read(int notes)
    {
        Note note{};
        while (::read(notes, &note, sizeof note) == sizeof note) {
            const bool adds = note.what == Note::What::adding ||
                              note.what == Note::What::added;
            const bool done = note.what == Note::What::added ||
                              note.what == Note::What::removed;
            must.erase(note.number);
            may.erase(note.number);
            if (!done)
                may.insert(note.number);
            else if (adds)
                must.insert(note.number);
            next = std::max(next, note.number + 1);
        }
    }
};

void kill_after(pid_t child, std::chrono::microseconds time)
{
    usleep(static_cast<useconds_t>(time.count()));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    BOOST_TEST_REQUIRE(WIFSIGNALED(status));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(relayers_kill)

BOOST_AUTO_TEST_CASE(no_acknowledged_grant_is_lost)
{
    constexpr int kills = 250;
    const TempDir dir{"/dev/shm"};
    std::mt19937 random{1};
    Model model;
    for (int i = 0; i < kills; ++i) {
        int notes[2];
        BOOST_REQUIRE(pipe(notes) == 0);
        const pid_t child = fork();
        if (child == 0)
            write_for_ever(dir, notes[1], model.next);
        close(notes[1]);
        std::jthread reader{[&] { model.read(notes[0]); }};
        kill_after(child, std::chrono::microseconds{random() % 40000});
        reader.join();
        close(notes[0]);
        if (!std::filesystem::exists(dir / "relayers.db"))
            continue;  // killed before it was made
        BOOST_TEST_REQUIRE(
            policy::map::bdb_verify(dir / "relayers.db").has_value());
        DirectStore after{{.file = dir / "relayers.db", .journal = dir.path}};
        const auto grants = after.list();
        BOOST_REQUIRE_MESSAGE(grants, why(grants));
        std::set<unsigned> have;
        for (const auto& grant : *grants)
            have.insert(
                static_cast<unsigned>(grant.login.time_since_epoch().count()));
        for (const unsigned n : model.must)
            BOOST_TEST_REQUIRE(have.contains(n), "lost " << n);
        for (const unsigned n : have)
            BOOST_TEST_REQUIRE(
                (model.must.contains(n) || model.may.contains(n)),
                "came back " << n);
        model.may.clear();  // settled: it is there or it is not
        model.must = have;
    }
    BOOST_TEST(model.next > 10U * kills);
}

BOOST_AUTO_TEST_SUITE_END()
