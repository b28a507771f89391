#include "milters/relay/logins.h"

#include "milters/login/anvil.h"
#include "milters/login/datagram.h"
#include "milters/login/dict.h"
#include "milters/login/follow.h"
#include "milters/login/http.h"
#include "milters/login/log_format.h"

namespace milters::relay {

using policy::Errc;
using policy::fail;
using policy::Result;
using policy::Status;
using policy::config::SocketSpec;

struct Logins::Listeners {
    std::unique_ptr<login::HttpListener> http;
    std::unique_ptr<login::DictListener> dict;
    std::unique_ptr<login::DatagramListener> datagram;
    std::unique_ptr<login::AnvilPoller> anvil;
    struct Follower {
        std::string file;
        std::unique_ptr<login::LogFollower> reader;
    };
    std::vector<Follower> followers;
};

namespace {

/// What bind() needs at every turn.
struct Plan {
    net::Loop& loop;
    const policy::config::Config& config;
    const std::optional<milter::Account>& account;
    const Logins::Links& links;

    const policy::config::Login& login() const { return config.relay.login; }

    tl::unexpected<policy::Error> wrong(const char* name,
                                        const policy::Error& error) const
    {
        const auto code = error.code == Errc::denied ? Errc::parse : error.code;
        return fail(
            code, config.values.place(name) + ": " + name + ": " + error.text);
    }

    login::Common common() const
    {
        login::Common out;
        out.services = {login().services.begin(), login().services.end()};
        out.warn = links.warn;
        return out;
    }
};

std::string follow_name(std::size_t i, const char* field)
{
    return "relay.login.follow[" + std::to_string(i) + "]." + field;
}

/// `127.0.0.1:21580`, `[::1]:21580`.
std::string listen_text(const SocketSpec& spec)
{
    const auto host =
        spec.host.empty()
            ? (spec.kind == SocketSpec::Kind::inet6 ? "::" : "0.0.0.0")
            : spec.host;
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") +
           ":" + std::to_string(spec.port);
}

Result<login::Believed> believed(const Plan& plan)
{
    login::Believed out;
    if (plan.account)
        out.uids.insert(plan.account->uid);
    for (const auto& user : plan.login().believe) {
        const auto account = milter::Account::find(user);
        if (!account)
            return plan.wrong("relay.login.believe",
                              {Errc::parse, account.error().text});
        out.uids.insert(account->uid);
    }
    return out;
}

Result<login::SocketMode> socket_mode(const Plan& plan)
{
    const auto& login = plan.login();
    const auto owner = milter::ownership(login.socket_owner, login.socket_group,
                                         login.socket_mode, plan.account);
    if (!owner)
        return plan.wrong("relay.login.socket_owner",
                          {Errc::parse, owner.error().text});
    return login::SocketMode{owner->mode, owner->owner, owner->group};
}

Status bind_http(const Plan& plan, std::unique_ptr<login::HttpListener>& out)
{
    if (plan.login().listen.off())
        return {};
    const auto secret = login::read_secret(plan.login().secret_file);
    if (!secret)
        return plan.wrong("relay.login.secret_file",
                          {Errc::parse, secret.error().text});
    login::HttpOptions options;
    options.common = plan.common();
    options.listen = listen_text(plan.login().listen);
    options.secret = *secret;
    options.use =
        plan.login().use == "real" ? login::Use::real : login::Use::remote;
    auto made = login::HttpListener::make(plan.loop, std::move(options),
                                          plan.links.sink);
    if (!made)
        return plan.wrong("relay.login.listen", made.error());
    out = std::move(*made);
    return {};
}

/// Dict and datagram listeners differ in their types only.
template <class Listener, class Options>
Status bind_unix(const Plan& plan, const char* name, const SocketSpec& spec,
                 std::unique_ptr<Listener>& out)
{
    if (spec.off())
        return {};
    const auto mode = socket_mode(plan);
    if (!mode)
        return fail(mode.error());
    const auto who = believed(plan);
    if (!who)
        return fail(who.error());
    if (auto folder = milter::make_folder_of(spec.path, plan.account); !folder)
        return plan.wrong(name, folder.error());
    Options options;
    options.common = plan.common();
    options.path = spec.path;
    options.socket = *mode;
    options.believed = *who;
    auto made = Listener::make(plan.loop, std::move(options), plan.links.sink);
    if (!made)
        return plan.wrong(name, made.error());
    out = std::move(*made);
    return {};
}

Status make_anvil(const Plan& plan, std::unique_ptr<login::AnvilPoller>& out)
{
    if (plan.login().anvil_socket.empty())
        return {};
    login::AnvilOptions options;
    options.common = plan.common();
    options.path = plan.login().anvil_socket;
    options.every = plan.login().anvil_interval;
    options.known = plan.links.known;
    auto made = login::AnvilPoller::make(plan.loop, std::move(options),
                                         plan.links.sink);
    if (!made)
        return plan.wrong("relay.login.anvil_socket", made.error());
    out = std::move(*made);
    return {};
}

}  // namespace

Logins::Logins() : listeners_{std::make_unique<Listeners>()} {}

Logins::~Logins() = default;

Status Logins::bind(net::Loop& loop, const policy::config::Config& config,
                    const std::optional<milter::Account>& account,
                    const Links& links)
{
    const Plan plan{loop, config, account, links};
    auto& l = *listeners_;
    auto bound = bind_http(plan, l.http);
    if (bound)
        bound = bind_unix<login::DictListener, login::DictOptions>(
            plan, "relay.login.dict_socket", plan.login().dict_socket, l.dict);
    if (bound)
        bound = bind_unix<login::DatagramListener, login::DatagramOptions>(
            plan, "relay.login.datagram_socket", plan.login().datagram_socket,
            l.datagram);
    if (bound)
        bound = make_anvil(plan, l.anvil);
    return bound;
}

Status Logins::follow(net::Loop& loop, const policy::config::Config& config,
                      const Links& links)
{
    const std::optional<milter::Account> nobody;
    const Plan plan{loop, config, nobody, links};
    for (std::size_t i = 0; i < plan.login().follow.size(); ++i) {
        const auto& log = plan.login().follow[i];
        login::FollowOptions options;
        options.common = plan.common();
        options.file = log.file;
        options.format = log.format;
        options.state_dir = config.state_dir;
        auto made =
            login::LogFollower::make(loop, std::move(options), links.sink);
        if (!made)
            return plan.wrong(follow_name(i, "file").c_str(), made.error());
        listeners_->followers.push_back({log.file, std::move(*made)});
    }
    return {};
}

void Logins::close()
{
    listeners_ = std::make_unique<Listeners>();
}

policy::config::Problems check_logins(const policy::config::Config& config)
{
    policy::config::Problems problems;
    const auto note = [&](const std::string& name, const policy::Error& error) {
        problems.push_back(config.values.place(name) + ": " + name + ": " +
                           error.text);
    };
    const auto& login = config.relay.login;
    if (!login.secret_file.empty())
        if (const auto secret = login::read_secret(login.secret_file); !secret)
            note("relay.login.secret_file", secret.error());
    for (const auto& user : login.believe)
        if (const auto account = milter::Account::find(user); !account)
            note("relay.login.believe", account.error());
    for (std::size_t i = 0; i < login.follow.size(); ++i) {
        if (const auto format = login::LogFormat::make(login.follow[i].format);
            !format)
            note(follow_name(i, "format"), format.error());
    }
    return problems;
}

std::vector<std::pair<std::string, const login::Counters*>> Logins::counters()
    const
{
    std::vector<std::pair<std::string, const login::Counters*>> out;
    const auto add = [&](const char* name, const auto& listener) {
        if (listener)
            out.emplace_back(name, &listener->counters());
    };
    add("auth-policy", listeners_->http);
    add("dict", listeners_->dict);
    add("datagram", listeners_->datagram);
    add("anvil", listeners_->anvil);
    for (const auto& [file, reader] : listeners_->followers)
        out.emplace_back("log " + file, &reader->counters());
    return out;
}

}  // namespace milters::relay
