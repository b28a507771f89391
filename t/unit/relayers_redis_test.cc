#define BOOST_TEST_DYN_LINK
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "policy/relayers/direct_store.h"
#include "policy/relayers/redis_store.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace policy::relayers;
using policy::ClientAddr;
using policy::Errc;
using policy::Network;
using policy::Seconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr const char* server = "build/servers/redis/usr/bin/redis-server";

Seconds at(std::int64_t ticks)
{
    return Seconds{seconds{ticks}};
}

Network net(const char* text)
{
    return *Network::parse(text);
}

ClientAddr ip(const char* text)
{
    return *ClientAddr::parse(text);
}

/// A real server on a unix socket; stopped by its own pid.
class Server {
public:
    explicit Server(const TempDir& dir) : dir_{dir} { start(); }
    ~Server() { stop(SIGKILL); }

    void start()
    {
        std::filesystem::remove(dir_ / "redis.sock");
        pid_ = ::fork();
        if (pid_ == 0) {
            const int null = ::open("/dev/null", O_RDWR);
            for (int fd : {0, 1, 2})
                ::dup2(null, fd);
            const std::string sock = dir_ / "redis.sock";
            const std::string path = dir_.path.string();
            ::execl(server, "redis-server", "--port", "0", "--unixsocket",
                    sock.c_str(), "--save", "", "--requirepass", "secret",
                    "--dir", path.c_str(), nullptr);
            ::_exit(127);
        }
        for (int i = 0; i < 500; ++i) {
            RedisLink link{address(), milliseconds{200}, {}};
            if (link.ask({{"PING"}}))
                return;
            std::this_thread::sleep_for(milliseconds{10});
        }
        BOOST_FAIL("redis-server does not start");
    }
    void stop(int signal)
    {
        ::kill(pid_, signal);
        ::waitpid(pid_, nullptr, 0);
    }
    void hold(bool held) { ::kill(pid_, held ? SIGSTOP : SIGCONT); }
    RedisAddress address() const
    {
        auto a =
            *RedisAddress::parse("redis+unix:" + (dir_ / "redis.sock") + "?2");
        a.password = "secret";
        return a;
    }

private:
    const TempDir& dir_;
    pid_t pid_ = 0;
};

/// Two hosts, each with a file of its own, and the server between them.
struct Fixture {
    TempDir dir;
    Server redis{dir};
    std::int64_t now = 100000;
    std::vector<std::string> reports;
    std::mutex mutex;
    RedisLink raw{redis.address(), milliseconds{1000}, {}};

    std::unique_ptr<RedisStore> host(const char* name)
    {
        auto local = std::make_unique<DirectStore>(DirectSettings{
            .file = dir / name, .clock = [this] { return at(now); }});
        BOOST_REQUIRE(local->add({net("203.0.113.200"), at(1)}));
        return std::make_unique<RedisStore>(
            std::move(local),
            RedisSettings{
                .address = redis.address(),
                .clock = [this] { return at(now); },
                .off_limits =
                    [](const ClientAddr& a) { return a == ip("192.0.2.66"); },
                .report =
                    [this](const std::string& line) {
                        const std::lock_guard lock{mutex};
                        reports.push_back(line);
                    }});
    }
    std::string value(const char* key)
    {
        const auto got = raw.ask({{"GET", key}});
        BOOST_REQUIRE_MESSAGE(got, why(got));
        return got->front().front().value_or("none");
    }
    static std::string user_at(Store& store, const char* client)
    {
        const auto grant = store.find(ip(client));
        BOOST_REQUIRE_MESSAGE(grant, why(grant));
        return *grant ? (*grant)->user : "none";
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(relayers_redis_address)

struct Url {
    const char *url, *host;
    int port;
    const char *path, *user, *password;
    int database;
};
std::ostream& operator<<(std::ostream& os, const Url& u)
{
    return os << u.url;
}
const Url urls[] = {
    {"redis://cache.example.net", "cache.example.net", 6379, "", "", "", 0},
    {"redis://192.0.2.1:6380/3", "192.0.2.1", 6380, "", "", "", 3},
    {"redis://[2001:db8::1]:6380/", "2001:db8::1", 6380, "", "", "", 0},
    {"redis://:p@ss:w@h", "h", 6379, "", "", "p@ss:w", 0},
    {"redis://u:p@h:1/2", "h", 1, "", "u", "p", 2},
    {"redis+unix:/run/redis.sock", "", 6379, "/run/redis.sock", "", "", 0},
    {"redis+unix:/run/redis.sock?5", "", 6379, "/run/redis.sock", "", "", 5},
};

BOOST_DATA_TEST_CASE(parses, data::make(urls))
{
    const auto a = RedisAddress::parse(sample.url);
    BOOST_REQUIRE(a);
    BOOST_TEST(a->host == sample.host);
    BOOST_TEST(a->port == sample.port);
    BOOST_TEST(a->path == sample.path);
    BOOST_TEST(a->user == sample.user);
    BOOST_TEST(a->password == sample.password);
    BOOST_TEST(a->database == sample.database);
    BOOST_TEST(a->text().find('@') == std::string::npos);
}

const char* const no_urls[] = {"",
                               "redis:",
                               "redis://",
                               "redis:///1",
                               "http://h",
                               "redis://h:0",
                               "redis://h:65536",
                               "redis://h:x",
                               "redis://h/x",
                               "redis://[::1",
                               "redis://u@h",
                               "redis+unix:relative",
                               "redis+unix:/x?y"};

BOOST_DATA_TEST_CASE(refuses, data::make(no_urls))
{
    BOOST_TEST(!RedisAddress::parse(sample));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(relayers_redis, Fixture)

BOOST_AUTO_TEST_CASE(hosts_share_grants)
{
    const auto a = host("a.db");
    const auto b = host("b.db");
    BOOST_REQUIRE(a->add({net("192.0.2.1"), at(99990), "bob", "imap"}));
    BOOST_REQUIRE(a->add({net("2001:db8::/64"),
                          at(99990),
                          "eve",
                          "",
                          {},
                          "",
                          ip("2001:db8::5")}));
    BOOST_REQUIRE(a->add({net("2001:db8::5"), at(99990), "eve"}));
    BOOST_REQUIRE(a->drain(seconds{5}));
    BOOST_TEST(value("relay/last-login/192.0.2.1") ==
               "99990 user=bob proto=imap");
    const auto ttl = raw.ask({{"TTL", "relay/last-login/192.0.2.1"}});
    BOOST_TEST(std::stoi(*ttl->front().front()) <= 1790);
    BOOST_TEST(std::stoi(*ttl->front().front()) > 1780);
    BOOST_TEST(user_at(*b, "192.0.2.1") == "bob");
    BOOST_TEST(user_at(*b, "2001:db8::5") == "eve");
    BOOST_TEST(user_at(*b, "2001:db8::99") == "eve");
    BOOST_TEST(user_at(*b, "192.0.2.2") == "none");
    BOOST_TEST(b->list()->size() == 4U);
    BOOST_TEST(b->local().list()->size() == 1U);
    // Removed at the one, gone for the other, with the prefix it opened.
    BOOST_TEST(*b->remove(net("2001:db8::5")));
    BOOST_TEST(!*b->remove(net("2001:db8::6")));
    BOOST_TEST(value("relay/last-login/2001:db8::/64") == "none");
    const auto gone =
        b->remove_where([](const Grant& g) { return g.user == "bob"; });
    BOOST_REQUIRE(gone);
    BOOST_TEST(gone->size() == 1U);
    BOOST_REQUIRE(b->drain(seconds{5}));
    BOOST_TEST(value("relay/last-login/192.0.2.1") == "none");
}

// Dovecot's last_login plugin writes the time alone.
BOOST_AUTO_TEST_CASE(keys_that_dovecot_writes)
{
    BOOST_REQUIRE(raw.ask({{"SET", "relay/last-login/192.0.2.9", "99999"},
                           {"SET", "relay/last-login/2001:db8::9", "99999"},
                           {"SET", "relay/last-login/192.0.2.66", "99999"},
                           {"SET", "relay/last-login/192.0.2.10", "1000"},
                           {"SET", "relay/last-login/192.0.2.11", "damaged"},
                           {"SET", "relay/last-login/nonsense", "99999"}}));
    const auto b = host("b.db");
    BOOST_TEST(user_at(*b, "192.0.2.9").empty());
    BOOST_TEST(user_at(*b, "2001:db8::9").empty());
    BOOST_TEST(user_at(*b, "192.0.2.66") == "none");  // off limits
    const auto old = b->find(ip("192.0.2.10"));
    BOOST_TEST((standing(**old, at(now), seconds{1800}) == Standing::expired));
    BOOST_TEST(user_at(*b, "192.0.2.11") == "none");
}

BOOST_AUTO_TEST_CASE(local_map_is_the_truth_while_redis_is_away)
{
    const auto a = host("a.db");
    BOOST_REQUIRE(a->add({net("192.0.2.1"), at(99990), "bob"}));
    BOOST_REQUIRE(a->drain(seconds{5}));
    redis.stop(SIGKILL);
    BOOST_TEST(user_at(*a, "192.0.2.1") == "bob");
    const auto unknown = a->find(ip("192.0.2.2"));
    BOOST_REQUIRE(!unknown);
    BOOST_TEST(unknown.error().text.starts_with("redis /"));
    BOOST_REQUIRE(a->add({net("192.0.2.3"), at(99990), "eve"}));
    BOOST_TEST(user_at(*a, "192.0.2.3") == "eve");
    BOOST_TEST(!a->remove(net("192.0.2.1")));
    BOOST_TEST(user_at(*a, "192.0.2.3") == "eve");
    BOOST_TEST(a->list()->size() == 2U);
    BOOST_TEST(!a->stats().last_error.empty());
    // When it is back, it learns what happened meanwhile.
    redis.start();
    BOOST_REQUIRE(raw.ask({{"SET", "relay/last-login/192.0.2.1", "99990"}}));
    BOOST_TEST(a->drain(seconds{10}));
    BOOST_TEST(value("relay/last-login/192.0.2.3") == "99990 user=eve");
    BOOST_TEST(value("relay/last-login/192.0.2.1") == "none");
    BOOST_TEST(a->stats().last_error.empty());
    const std::lock_guard lock{mutex};
    BOOST_TEST(reports.size() == 2U);
}

// A server that hangs costs one timeout a question, and after three nothing.
BOOST_AUTO_TEST_CASE(hung_server)
{
    const auto b = host("b.db");
    BOOST_TEST(user_at(*b, "192.0.2.1") == "none");
    redis.hold(true);
    const auto time = [&](int questions) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < questions; ++i)
            BOOST_TEST(!b->find(ip("192.0.2.1")));
        return std::chrono::steady_clock::now() - start;
    };
    BOOST_TEST((time(1) < milliseconds{400}));
    static_cast<void>(time(2));
    BOOST_TEST((time(1000) < milliseconds{400}));
    redis.hold(false);
}

BOOST_AUTO_TEST_CASE(wrong_password)
{
    auto wrong = redis.address();
    wrong.password = "wrong";
    RedisLink link{wrong, milliseconds{1000}, {}};
    const auto got = link.ask({{"PING"}});
    BOOST_REQUIRE(!got);
    BOOST_TEST(got.error().text.find("WRONGPASS") != std::string::npos);
    BOOST_TEST(got.error().text.find("wrong") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
