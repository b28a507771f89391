// Whether an account exists, from directories that answer, fail and hang.
#define BOOST_TEST_DYN_LINK
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

#include "policy/accounts/accounts.h"
#include "policy/accounts/sasl.h"

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using policy::Errc;
using policy::Result;
using policy::accounts::Accounts;
using policy::accounts::Directory;
using policy::accounts::Options;

namespace {

/// Users are known, "error" fails, "throw" throws, "hang..." waits for let_go.
class Fake final : public Directory {
public:
    Result<bool> exists(const std::string& user) override
    {
        ++asked;
        if (user == "error")
            return policy::fail(Errc::io, "fake: broken");
        if (user == "throw")
            throw std::runtime_error{"thrown"};
        if (user.starts_with("hang")) {
            std::unique_lock lock{mutex};
            free.wait(lock, [&] { return let_go; });
        }
        return user != "gone";
    }
    const std::string& name() const override { return name_; }

    void release()
    {
        const std::lock_guard lock{mutex};
        let_go = true;
        free.notify_all();
    }

    std::atomic<int> asked{0};
    std::mutex mutex;
    std::condition_variable free;
    bool let_go = false;

private:
    std::string name_ = "fake";
};

struct Made {
    explicit Made(Options options = {})
        : accounts{directory, with_clock(std::move(options))}
    {
    }
    Options with_clock(Options options)
    {
        options.clock = [this] { return now.load(); };
        return options;
    }
    std::atomic<std::chrono::steady_clock::time_point> now{
        std::chrono::steady_clock::time_point{}};
    std::shared_ptr<Fake> directory = std::make_shared<Fake>();
    Accounts accounts;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(accounts)

BOOST_AUTO_TEST_CASE(answers_are_remembered_for_a_while)
{
    Made m{{.cache = 10s}};
    for (int i = 0; i < 5; ++i) {
        BOOST_TEST(*m.accounts.exists("alice"));
        BOOST_TEST(!*m.accounts.exists("gone"));
    }
    BOOST_TEST(m.directory->asked == 2);
    m.now = m.now.load() + 9s;
    BOOST_TEST(*m.accounts.exists("alice"));
    BOOST_TEST(m.directory->asked == 2);
    m.now = m.now.load() + 1s;
    BOOST_TEST(*m.accounts.exists("alice"));
    BOOST_TEST(m.directory->asked == 3);
}

BOOST_AUTO_TEST_CASE(failures_are_errors_and_not_remembered)
{
    Made m;
    for (int i = 1; i <= 3; ++i) {
        const auto answer = m.accounts.exists("error");
        BOOST_REQUIRE(!answer);
        BOOST_TEST(answer.error().text == "fake: broken");
        BOOST_TEST(m.directory->asked == i);
    }
    BOOST_TEST(m.accounts.exists("throw").error().text == "fake: thrown");
    BOOST_TEST((m.accounts.exists("").error().code == Errc::usage));
    BOOST_TEST(*m.accounts.exists("alice"));
}

BOOST_AUTO_TEST_CASE(a_deadline_is_an_error)
{
    Made m{{.timeout = 50ms, .threads = 2}};
    const auto start = std::chrono::steady_clock::now();
    const auto answer = m.accounts.exists("hang");
    const auto took = std::chrono::steady_clock::now() - start;
    BOOST_REQUIRE(!answer);
    BOOST_TEST((answer.error().code == Errc::timeout));
    BOOST_TEST((took >= 50ms && took < 5s));
    BOOST_TEST(m.accounts.hanging() == 1U);
    // The others are still served.
    BOOST_TEST(*m.accounts.exists("alice"));
    m.directory->release();
    while (m.accounts.hanging() > 0)
        std::this_thread::sleep_for(1ms);
    // What came late counts now.
    BOOST_TEST(*m.accounts.exists("hang"));
}

BOOST_AUTO_TEST_CASE(threads_that_hang_are_bounded)
{
    Made m{{.timeout = 30ms, .threads = 2}};
    for (int i = 0; i < 20; ++i)
        BOOST_TEST(!m.accounts.exists("hang" + std::to_string(i)));
    BOOST_TEST(m.accounts.hanging() == 2U);
    BOOST_TEST(m.directory->asked == 2);
    // Nobody is there to ask, so nobody waits.
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i)
        BOOST_TEST_REQUIRE(!m.accounts.exists("alice"));
    BOOST_TEST((std::chrono::steady_clock::now() - start < 1s));
    m.directory->release();
    while (m.accounts.hanging() > 0)
        std::this_thread::sleep_for(1ms);
    BOOST_TEST(*m.accounts.exists("alice"));
}

BOOST_AUTO_TEST_CASE(one_question_is_asked_once)
{
    Made m{{.timeout = 10s, .threads = 4}};
    std::vector<std::future<bool>> answers;
    for (int i = 0; i < 8; ++i)
        answers.push_back(std::async(
            std::launch::async, [&] { return *m.accounts.exists("hang"); }));
    std::this_thread::sleep_for(20ms);
    m.directory->release();
    for (auto& answer : answers)
        BOOST_TEST(answer.get());
    BOOST_TEST(m.directory->asked == 1);
}

BOOST_AUTO_TEST_CASE(many_threads_many_users)
{
    Made m{{.timeout = 10s, .threads = 3}};
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 200; ++i) {
                const bool gone = (i + t) % 7 == 0;
                const auto user =
                    gone ? "gone" : "user" + std::to_string((i * t) % 50);
                const auto answer = m.accounts.exists(user);
                wrong += !answer || *answer == gone;
            }
        });
    for (auto& t : threads)
        t.join();
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(the_end_does_not_wait)
{
    auto directory = std::make_shared<Fake>();
    const auto start = std::chrono::steady_clock::now();
    {
        Accounts a{directory, {.timeout = 10ms}};
        BOOST_TEST(!a.exists("hang"));
    }
    BOOST_TEST((std::chrono::steady_clock::now() - start < 5s));
    directory->release();
    while (directory.use_count() > 1)
        std::this_thread::sleep_for(1ms);
}

BOOST_AUTO_TEST_CASE(users_of_the_system)
{
    const auto d = policy::accounts::passwd("Example.org");
    BOOST_TEST(*d->exists("root"));
    BOOST_TEST(*d->exists("root@example.org"));
    BOOST_TEST(!*d->exists("root@example.com"));
    BOOST_TEST(!*d->exists("no-such-user-here"));
    BOOST_TEST(!*d->exists("root:x"));
    BOOST_TEST(!*d->exists(std::string{"root\0x", 6}));
    BOOST_TEST(d->name() == "passwd");
}

BOOST_AUTO_TEST_CASE(keys_of_a_map)
{
    auto snapshot = policy::map::from_text(
        "alice x\nbob@example.org x\ncarol@other.org x\n", "users");
    BOOST_REQUIRE(snapshot);
    const std::shared_ptr<policy::map::Source> source =
        policy::map::fixed(*snapshot, "users");
    const auto d = policy::accounts::map_keys(source, "example.org");
    BOOST_TEST(*d->exists("alice"));
    BOOST_TEST(*d->exists("Alice"));
    BOOST_TEST(*d->exists("alice@EXAMPLE.org"));
    BOOST_TEST(!*d->exists("alice@other.org"));
    BOOST_TEST(*d->exists("bob"));
    BOOST_TEST(*d->exists("bob@example.org"));
    BOOST_TEST(!*d->exists("carol"));
    BOOST_TEST(*d->exists("carol@other.org"));
    BOOST_TEST(!*d->exists("dave"));
}

BOOST_AUTO_TEST_CASE(a_map_that_cannot_be_read_is_an_error)
{
    const std::shared_ptr<policy::map::Source> source =
        policy::map::open_file("/nonexistent/users", false);
    BOOST_TEST(!policy::accounts::map_keys(source, "")->exists("alice"));
}

BOOST_AUTO_TEST_CASE(sasl_configuration_files)
{
    using policy::accounts::sasl_option;
    const std::string text =
        "# pwcheck_method: none\n pwcheck_method:  saslauthd auxprop \r\n"
        "Sasldb_Path:/etc/x\nempty:\nnonsense\n";
    BOOST_TEST(sasl_option(text, "pwcheck_method") == "saslauthd auxprop");
    BOOST_TEST(sasl_option(text, "sasldb_path") == "/etc/x");
    BOOST_TEST(sasl_option(text, "empty") == "");
    BOOST_TEST(sasl_option(text, "nonsense") == "");
    BOOST_TEST(sasl_option("", "x") == "");
    BOOST_TEST(!policy::accounts::sasl_folders().empty());
}

BOOST_AUTO_TEST_CASE(only_auxprop_knows_users)
{
    std::string dir = fs::temp_directory_path() / "postern-sasl.XXXXXX";
    BOOST_REQUIRE(mkdtemp(dir.data()));
    for (const char* method : {"saslauthd", "saslauthd auxprop", "alwaystrue",
                               "auxprop saslauthd"}) {
        std::ofstream{dir + "/Sendmail.conf"} << "pwcheck_method: " << method;
        const auto d = policy::accounts::sasl(
            {.folders = "/nonexistent:" + dir, .host = "mx.example.org"});
        BOOST_REQUIRE(!d);
        BOOST_TEST(d.error().text.find("Sendmail.conf: pwcheck_method: " +
                                       std::string{method}) !=
                   std::string::npos);
    }
    BOOST_TEST(!policy::accounts::sasl({.folders = dir}));
    fs::remove_all(dir);
}

BOOST_AUTO_TEST_SUITE_END()
