// The login listeners alone, for tests: each login that arrives becomes a
// line of JSON on standard output.
//
//   login-sink KEY=VALUE...
//     http=ADDR:PORT secret=FILE use=real   dict=PATH  dgram=PATH  anvil=PATH
//     every=SECONDS (anvil)  follow=FILE format=NAME state=DIR  uid=N (may
//     report on dict and dgram)  delay_ms=N (each login takes this long)
//
// First line: {"ready":true}; SIGTERM prints the counters and ends it.
#include <event2/event.h>
#include <signal.h>

#include <iostream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "milters/login/anvil.h"
#include "milters/login/datagram.h"
#include "milters/login/dict.h"
#include "milters/login/follow.h"
#include "milters/login/http.h"

using namespace milters;
using Json = nlohmann::json;

namespace {

using Settings = std::map<std::string, std::string>;

Settings settings(int argc, char** argv)
{
    Settings all;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto equals = word.find('=');
        all[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return all;
}

template <class T>
T need(policy::Result<T> result)
{
    if (!result) {
        std::cerr << "login-sink: " << result.error().text << std::endl;
        exit(1);
    }
    return std::move(*result);
}

void print(const Json& json)
{
    std::cout << json.dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
}

void print_counters(const char* name, const login::Counters& c)
{
    print({{"counters", name},
           {"logins", c.logins.load()},
           {"failures", c.failures.load()},
           {"ignored", c.ignored.load()},
           {"refused", c.refused.load()},
           {"malformed", c.malformed.load()}});
}

struct Listeners {
    std::unique_ptr<login::HttpListener> http;
    std::unique_ptr<login::DictListener> dict;
    std::unique_ptr<login::DatagramListener> dgram;
    std::unique_ptr<login::AnvilPoller> anvil;
    std::unique_ptr<login::LogFollower> follow;

    void counters() const
    {
        if (http)
            print_counters("http", http->counters());
        if (dict)
            print_counters("dict", dict->counters());
        if (dgram)
            print_counters("dgram", dgram->counters());
        if (anvil)
            print_counters("anvil", anvil->counters());
        if (follow)
            print_counters("follow", follow->counters());
    }
};

login::Believed believed(const Settings& s)
{
    login::Believed b;
    if (s.contains("uid"))
        b.uids.insert(static_cast<uid_t>(std::stoul(s.at("uid"))));
    return b;
}

unsigned number(const Settings& s, const char* name, unsigned otherwise)
{
    return s.contains(name) ? static_cast<unsigned>(std::stoul(s.at(name)))
                            : otherwise;
}

Listeners listen(net::Loop& loop, Settings s,
                 const policy::relayers::LoginSink& sink)
{
    Listeners all;
    login::Common common;
    common.warn = [](const std::string& text) {
        std::cerr << text << std::endl;
    };
    if (s.contains("http"))
        all.http = need(login::HttpListener::make(
            loop,
            {common, s["http"], need(login::read_secret(s["secret"])),
             s["use"] == "real" ? login::Use::real : login::Use::remote,
             number(s, "connections", 200),
             std::chrono::seconds{number(s, "idle", 60)}},
            sink));
    if (s.contains("dict"))
        all.dict = need(login::DictListener::make(
            loop, {common, s["dict"], {}, believed(s)}, sink));
    if (s.contains("dgram"))
        all.dgram = need(login::DatagramListener::make(
            loop, {common, s["dgram"], {}, believed(s)}, sink));
    if (s.contains("anvil"))
        all.anvil = need(login::AnvilPoller::make(
            loop,
            {common,
             s["anvil"],
             std::chrono::seconds{number(s, "every", 60)},
             {}},
            sink));
    if (s.contains("follow"))
        all.follow = need(login::LogFollower::make(
            loop, {common, s["follow"], s["format"], s["state"]}, sink));
    return all;
}

}  // namespace

int main(int argc, char** argv)
{
    const Settings s = settings(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    auto loop = need(net::Loop::make());
    const std::chrono::milliseconds delay{number(s, "delay_ms", 0)};
    const auto sink = [&](const policy::relayers::Login& login) {
        std::this_thread::sleep_for(delay);
        const std::chrono::duration<double> clock =
            std::chrono::steady_clock::now().time_since_epoch();
        print({{"ip", login.client.text()},
               {"user", login.user},
               {"service", login.service},
               {"source", login.source},
               {"when", login.when.time_since_epoch().count()},
               {"clock", clock.count()}});
    };
    const Listeners all = listen(*loop, s, sink);
    const std::unique_ptr<event, void (*)(event*)> stop{
        evsignal_new(
            loop->base(), SIGTERM,
            [](evutil_socket_t, short, void* arg) {
                static_cast<net::Loop*>(arg)->stop();
            },
            loop.get()),
        event_free};
    event_add(stop.get(), nullptr);
    print({{"ready", true}});
    loop->run();
    all.counters();
}
