#define BOOST_TEST_DYN_LINK
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <thread>

#include "milters/control/client.h"
#include "milters/control/handler.h"
#include "milters/vsmtprelay/text.h"
#include "policy/map/bdb.h"
#include "policy/relayers/direct_store.h"
#include "policy/relayers/file_store.h"
#include "t/unit/temp_dir.h"
#include "t/unit/why.h"

namespace data = boost::unit_test::data;
using namespace milters::control;
using milters::vsmtprelay::parse_length;
using policy::Errc;
using policy::Network;
using policy::Seconds;
using policy::relayers::DirectStore;
using policy::relayers::Event;
using policy::relayers::Grant;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

Seconds at(std::int64_t ticks)
{
    return Seconds{seconds{ticks}};
}

Network net(const char* text)
{
    return *Network::parse(text);
}

struct Fixture {
    TempDir dir;
    DirectStore store{
        {.file = dir / "relayers.db", .clock = [] { return at(100000); }}};
    Feed feed{[] { return at(5); }};
    Service service{
        .store = store, .clock = [] { return at(100000); }, .feed = &feed};
    Json ask(Json request) { return handle(request, service); }
    void has(const Json& answer, const std::string& entries)
    {
        BOOST_TEST(answer.value("ok", false), answer.dump());
        BOOST_TEST(answer.value("entries", "") == entries);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(control, Fixture)

BOOST_AUTO_TEST_CASE(the_commands)
{
    has(ask({{"command", "add"}, {"address", "192.0.2.7"}}),
        "192.0.2.7\t100000\n");
    has(ask({{"command", "add"},
             {"address", "2001:db8::/48"},
             {"ticks", 5},
             {"user", "bob"},
             {"service", "imap"},
             {"for", 60},
             {"reason", "x y"}}),
        "ipv6:2001:db8:0:0:0:0:0:0/48\t5 user=bob proto=imap until=100060 "
        "reason=x%20y\n");
    has(ask({{"command", "add"},
             {"address", "192.0.2.8"},
             {"ticks", 100001},
             {"until", 100005}}),
        "192.0.2.8\t100001 until=100005\n");
    has(ask({{"command", "list"}, {"user", "bob"}}),
        ask({{"command", "show"}, {"address", "2001:db8::1"}})["entries"]);
    has(ask({{"command", "list"}, {"newer", 1}}), "192.0.2.7\t100000\n");
    BOOST_TEST(ask({{"command", "dump"}})["count"] == 3);
    BOOST_TEST(ask({{"command", "export"}})["count"] == 3);
    BOOST_TEST(ask({{"command", "expire"}, {"dry_run", true}})["count"] == 2);
    BOOST_TEST(ask({{"command", "expire"}})["count"] == 2);
    has(ask({{"command", "dump"}}), "192.0.2.8\t100001 until=100005\n");
    const auto gone =
        ask({{"command", "delete"}, {"addresses", {"192.0.2.8", "192.0.2.9"}}});
    BOOST_TEST(gone["exit"] == 1);
    BOOST_TEST(gone["error"] == "192.0.2.9: not found");
    BOOST_TEST(ask({{"command", "import"},
                    {"entries", "192.0.2.1\t1\n"}})["count"] == 1);
    BOOST_TEST(ask({{"command", "stats"}})["grants"] == 1);
    BOOST_TEST(ask({{"command", "verify"}})["problems"].empty());
}

BOOST_AUTO_TEST_CASE(page_after_page)
{
    const auto kept =
        *policy::relayers::FileStore::open({.file = dir / "paged.db",
                                            .journal = dir.path,
                                            .window = seconds{0},
                                            .background = false});
    const Service paged{
        .store = *kept, .clock = [] { return at(100000); }, .page = 3};
    std::string want;
    for (int i = 1; i < 9; ++i) {
        const auto address = "192.0.2." + std::to_string(i);
        handle({{"command", "add"}, {"address", address}, {"ticks", i}}, paged);
        want += address + "\t" + std::to_string(i) + "\n";
    }
    for (const char* command : {"dump", "list", "export"}) {
        Json request{{"command", command}};
        std::string got;
        int pages = 0;
        for (bool more = true; more; ++pages) {
            const Json answer = handle(request, paged);
            BOOST_TEST_REQUIRE(answer.at("ok").get<bool>(), answer.dump());
            got += answer.at("entries").get<std::string>();
            more = answer.contains("next");
            BOOST_TEST(answer.contains("others") ==
                       (!more && command == std::string{"dump"}));
            request["after"] = answer.value("next", "");
        }
        BOOST_TEST(got == want);
        BOOST_TEST(pages == 3);
    }
    // A page of which nothing is selected is not the last one.
    const Json answer = handle({{"command", "list"}, {"user", "bob"}}, paged);
    BOOST_TEST(answer.at("entries") == "");
    BOOST_TEST(answer.at("next") == "192.0.2.3");
}

BOOST_AUTO_TEST_CASE(entries_that_are_no_grants)
{
    BOOST_REQUIRE(
        policy::map::bdb_create(dir / "relayers.db", 4, [](const auto& put) {
            put("192.0.2.1", "100");
            put("192.0.2.2", "OK");
            put("user%name", "\xff 7");
            put("10.1.1.1", "12monkeys");
        }));
    const Json answer = ask({{"command", "dump"}});
    has(answer, "192.0.2.1\t100\n");
    BOOST_TEST(
        (answer.at("others") == Json::array({{"10.1.1.1", "12monkeys"},
                                             {"192.0.2.2", "OK"},
                                             {"user%25name", "%FF%207"}})));
    BOOST_TEST(!ask({{"command", "list"}}).contains("others"));
    // An address can be removed or become a grant, whatever it had.
    has(ask({{"command", "add"}, {"address", "192.0.2.2"}, {"ticks", 7}}),
        "192.0.2.2\t7\n");
    BOOST_TEST(ask({{"command", "delete"}, {"addresses", {"10.1.1.1"}}})["ok"]
                   .get<bool>());
    BOOST_TEST(ask({{"command", "dump"}}).at("others").size() == 1U);
}

BOOST_AUTO_TEST_CASE(listing_of_what_is_no_grant)
{
    using milters::vsmtprelay::other_listing;
    BOOST_TEST(other_listing("a", "12x y", true) ==
               "# timestamp (UTC): Thu Jan  1 00:00:12 1970\na\t12x y\n");
    BOOST_TEST(other_listing("a", "OK", true) == "# no timestamp\na\tOK\n");
    BOOST_TEST(other_listing("a", "OK", false) == "a\tOK\n");
    BOOST_TEST(other_listing("a b", "1\n2", false) ==
               "# not for makemap: a%20b\t1%0A2\n");
}

struct Wrong {
    const char* request;
    int exit;
};
std::ostream& operator<<(std::ostream& os, const Wrong& w)
{
    return os << w.request;
}
const Wrong wrongs[] = {
    {"", 64},
    {"x", 64},
    {"[1]", 64},
    {"{}", 64},
    {R"({"command":1})", 64},
    {R"({"command":"frob"})", 64},
    {R"({"command":"add"})", 64},
    {R"({"command":"add","address":7})", 64},
    {R"({"command":"add","address":"x"})", 65},
    {R"({"command":"add","address":"::/0"})", 65},
    {R"({"command":"add","address":"192.0.2.1","ticks":-1})", 65},
    {R"({"command":"add","address":"192.0.2.1","ticks":"1"})", 64},
    {R"({"command":"add","address":"192.0.2.1","for":0})", 64},
    {R"({"command":"add","address":"192.0.2.1","for":9223372036854775807})",
     64},
    {R"({"command":"delete"})", 64},
    {R"({"command":"delete","addresses":["x"]})", 65},
    {R"({"command":"list","minutes":-1})", 64},
    {R"({"command":"expire","minutes":9223372036854775807})", 64},
    {R"({"command":"import","entries":"192.0.2.1 x\n"})", 65},
    {R"({"command":"dump"})", 73},
};

BOOST_DATA_TEST_CASE(wrong_requests, data::make(wrongs))
{
    const auto line = answer(sample.request, service);
    BOOST_TEST(line.back() == '\n');
    const auto json = Json::parse(line);
    BOOST_TEST(json["ok"] == false);
    BOOST_TEST(json["exit"] == sample.exit);
    BOOST_TEST(json["error"] != "");
    BOOST_TEST(!std::filesystem::exists(dir / "relayers.db"));
}

BOOST_AUTO_TEST_CASE(others_are_asked_first)
{
    service.others = [](const Json& request) -> std::optional<Json> {
        if (request.value("command", "") == "status")
            return Json{{"ok", true}, {"pid", 1}};
        return std::nullopt;
    };
    BOOST_TEST(ask({{"command", "status"}})["pid"] == 1);
    BOOST_TEST(ask({{"command", "frob"}})["exit"] == 64);
}

BOOST_AUTO_TEST_CASE(watching)
{
    auto answer = ask({{"command", "watch"}});
    BOOST_TEST(answer["events"].empty());
    for (int i = 0; i < 3; ++i)
        feed.publish({Event::Kind::added, {net("192.0.2.1"), at(i)}});
    feed.publish({Event::Kind::reloaded, {net("192.0.2.1")}});
    answer = ask({{"command", "watch"}, {"after", answer["next"]}});
    BOOST_TEST(answer["events"].size() == 4U);
    BOOST_TEST(answer["events"][2]["entries"] == "192.0.2.1\t2\n");
    BOOST_TEST(answer["events"][2]["event"] == "added");
    BOOST_TEST(answer["events"][2]["time"] == 5);
    BOOST_TEST(!answer["events"][3].contains("entries"));
    BOOST_TEST(ask({{"command", "watch"}, {"after", answer["next"]}})["events"]
                   .empty());
    service.feed = nullptr;
    BOOST_TEST(ask({{"command", "watch"}})["exit"] == 69);
}

BOOST_AUTO_TEST_CASE(feed_forgets_the_oldest)
{
    for (std::size_t i = 0; i < Feed::kept + 5; ++i)
        feed.publish({Event::Kind::added, {net("192.0.2.1")}});
    BOOST_TEST(feed.since(0, 1).front().number == 6U);
    BOOST_TEST(feed.since(Feed::kept + 4, 9).size() == 1U);
    BOOST_TEST(feed.since(Feed::kept + 5, 9).empty());
    BOOST_TEST(feed.newest() == Feed::kept + 5);
}

struct Selection {
    const char* name;
    std::int64_t login, until;
    int minutes;
    bool selected;
};
std::ostream& operator<<(std::ostream& os, const Selection& s)
{
    return os << s.name;
}
const Selection selections[] = {
    {"now", 6000, 0, 0, true},
    {"future", 6001, 0, 0, false},
    {"a minute old", 5940, 0, 1, true},
    {"not yet a minute", 5941, 0, 1, false},
    {"own end to come", 1, 6001, 1, false},
    {"own end to come, but all", 1, 6001, 0, true},
    {"own end has come", 6000, 6000, 99, true},
    {"future, own end has come", 7000, 6000, 0, true},
    {"future, own end to come", 7000, 8000, 0, false},
};

BOOST_DATA_TEST_CASE(what_expire_selects, data::make(selections))
{
    Grant grant{net("192.0.2.1"), at(sample.login)};
    if (sample.until)
        grant.expires = at(sample.until);
    BOOST_TEST(selected(grant, at(6000), minutes{sample.minutes}) ==
               sample.selected);
}

BOOST_AUTO_TEST_CASE(exit_codes)
{
    BOOST_TEST(exit_code(Errc::usage) == 64);
    BOOST_TEST(exit_code(Errc::parse) == 65);
    BOOST_TEST(exit_code(Errc::format) == 65);
    BOOST_TEST(exit_code(Errc::io) == 73);
    BOOST_TEST(exit_code(Errc::gone) == 73);
    BOOST_TEST(exit_code(Errc::timeout) == 75);
    BOOST_TEST(exit_code(Errc::denied) == 77);
}

BOOST_AUTO_TEST_CASE(lengths_of_time)
{
    BOOST_TEST((parse_length("90s") == seconds{90}));
    BOOST_TEST((parse_length("1h30m") == seconds{5400}));
    BOOST_TEST((parse_length("1w") == seconds{604800}));
    BOOST_TEST((parse_length("10000000000s") == seconds{10000000000}));
    for (const char* bad : {"", "2", "h", "-2h", "2y", "2h ", "0s", "1.5h",
                            "10000000001s", "99999999999999999999s", "2 h"})
        BOOST_TEST(!parse_length(bad), bad);
}

namespace {

/// Listens at a path and lets a test play relay-milter.
struct Listener {
    int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    explicit Listener(const std::string& path)
    {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(name.sun_path, sizeof name.sun_path - 1);
        BOOST_REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&name),
                             sizeof name) == 0);
        BOOST_REQUIRE(::listen(fd, 5) == 0);
    }
    ~Listener() { ::close(fd); }
};

}  // namespace

BOOST_AUTO_TEST_CASE(client_and_handler)
{
    const Listener listener{dir / "sock"};
    std::jthread server{[&] {
        const int fd = ::accept(listener.fd, nullptr, nullptr);
        std::string input;
        char octet = 0;  // one at a time: the worst that a stream may do
        while (::read(fd, &octet, 1) == 1) {
            input += octet;
            if (octet != '\n')
                continue;
            for (const char c : answer(input, service))
                if (::write(fd, &c, 1) != 1)
                    break;
            input.clear();
        }
        ::close(fd);
    }};
    auto client = Client::connect(dir / "sock", seconds{5});
    BOOST_REQUIRE_MESSAGE(client, why(client));
    for (const char* addr : {"192.0.2.1", "192.0.2.2"}) {
        const auto added = client->ask({{"command", "add"}, {"address", addr}});
        BOOST_REQUIRE_MESSAGE(added, why(added));
        BOOST_TEST((*added)["ok"] == true);
    }
    BOOST_TEST((*client->ask({{"command", "dump"}}))["count"] == 2);
    Client{std::move(*client)};  // closes
}

BOOST_AUTO_TEST_CASE(client_gets_no_answer)
{
    BOOST_TEST(
        (Client::connect(dir / "none", seconds{1}).error().code == Errc::gone));
    BOOST_TEST(
        (Client::connect(std::string(200, 'x'), seconds{1}).error().code ==
         Errc::usage));
    const Listener listener{dir / "sock"};
    auto silent = Client::connect(dir / "sock", std::chrono::milliseconds{50});
    BOOST_REQUIRE(silent);
    BOOST_TEST((silent->ask({}).error().code == Errc::timeout));
    for (const char* reply : {"garbage\n", "[]\n", ""}) {
        std::jthread server{[&] {
            int fd = ::accept(listener.fd, nullptr, nullptr);
            if (*reply == 'g')  // the silent one's connection comes first
                fd = (::close(fd), ::accept(listener.fd, nullptr, nullptr));
            char ignored[64];
            static_cast<void>(!::read(fd, ignored, sizeof ignored));
            static_cast<void>(!::write(fd, reply, std::strlen(reply)));
            ::close(fd);
        }};
        auto client = Client::connect(dir / "sock", seconds{5});
        BOOST_REQUIRE(client);
        BOOST_TEST((client->ask({}).error().code ==
                    (*reply ? Errc::format : Errc::timeout)));
    }
}

BOOST_AUTO_TEST_SUITE_END()
