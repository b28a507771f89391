#include "milters/relay/part.h"

#include <stdexcept>

#include "milters/relay/guard.h"
#include "milters/relay/session.h"
#include "policy/relayers/file_store.h"
#include "policy/relayers/granting.h"

namespace milters::relay {

using policy::fail;
using policy::Status;
using Level = policy::Log::Level;

namespace {

std::string lines(const policy::config::Problems& problems)
{
    std::string all;
    for (const auto& problem : problems)
        all += problem + "\n";
    return all;
}

}  // namespace

RelayPart::RelayPart(milter::Surroundings around)
    : around_{std::move(around)}, servers_{current_, control_links()}
{
}

milter::Needs RelayPart::needs() const
{
    return relay_needs();
}

std::unique_ptr<milter::Session> RelayPart::make_session()
{
    auto runtime = current_.get();
    if (!runtime)
        throw std::runtime_error("stopping");
    return std::make_unique<RelaySession>(std::move(runtime));
}

bool RelayPart::has_grants()
{
    const std::lock_guard lock{stop_mutex_};
    return grants_ != nullptr;
}

policy::Result<std::shared_ptr<policy::relayers::Store>> RelayPart::open_store()
{
    const std::lock_guard lock{stop_mutex_};
    if (stopped_)
        return fail(policy::Errc::gone, "stopping");
    if (!grants_) {
        auto grants = Grants::open(
            *around_.config,
            [this](const std::string& text) {
                log().line(Level::warning, "", policy::printable(text));
            },
            [this](const policy::relayers::Event& event) {
                feed_.publish(event);
            },
            [this](const policy::ClientAddr& client) {
                return is_off_limits(client);
            });
        if (!grants)
            return fail(grants.error());
        grants_ = std::move(*grants);
    }
    return grants_->store();
}

Assembled RelayPart::assembled(milter::ConfigPtr config, bool with_store)
{
    using Opened = policy::Result<std::shared_ptr<policy::relayers::Store>>;
    return assemble(
        std::move(config),
        {[this, with_store] { return with_store ? open_store() : Opened{}; },
         &log(), around_.options->test_mode});
}

milter::Prepared RelayPart::prepare(milter::ConfigPtr config)
{
    if (!has_grants())
        if (auto problems = check_grants(*config); !problems.empty())
            return {nullptr, std::move(problems)};
    auto made = assembled(std::move(config), true);
    if (!made.runtime)
        return {nullptr, std::move(made.problems)};
    return {[this, runtime = std::move(made.runtime)] { take_over(runtime); },
            {}};
}

void RelayPart::take_over(std::shared_ptr<const Runtime> runtime)
{
    const std::lock_guard lock{stop_mutex_};
    if (stopped_)
        return;
    const auto& relayers = runtime->config->relay.relayers;
    if (grants_)
        grants_->configure(relayers);
    take_over_logins(relayers);
    current_.set(std::move(runtime));
}

Logins::Links RelayPart::login_links()
{
    Logins::Links links;
    links.sink = [this](const policy::relayers::Login& login) { heard(login); };
    links.known = [this](const policy::relayers::Login& login) {
        return is_known(login);
    };
    links.warn = [this](const std::string& text) {
        log().line(Level::warning, "", "login: " + policy::printable(text));
    };
    return links;
}

Status RelayPart::bind(const std::optional<milter::Account>& account,
                       std::vector<std::string>& names)
{
    const auto& config = *around_.config;
    if (const auto problems = check_logins(config); !problems.empty())
        return fail(policy::Errc::parse, lines(problems));
    if (config.relay.relayers.store != "none")
        if (auto free = policy::relayers::FileStore::unclaimed(
                config.relay.relayers.journal);
            !free)
            return free;
    if (auto bound = servers_.bind(config.relay, account, names); !bound)
        return bound;
    const auto& login = config.relay.login;
    for (const auto* spec : {&login.dict_socket, &login.datagram_socket})
        if (!spec->path.empty())
            names.push_back(spec->path);
    if (auto made = milter::make_folder_of(config.relay.relayers.journal + "/.",
                                           account);
        !made)
        return made;
    return logins_.bind(servers_.loop(), config, account, login_links());
}

Status RelayPart::start()
{
    const auto& config = *around_.config;
    if (auto followed = logins_.follow(servers_.loop(), config, login_links());
        !followed)
        return followed;
    return servers_.start(config.relay);
}

ControlLinks RelayPart::control_links()
{
    return {.store = [this] { return store(); },
            .runtime = [this] { return current_.get(); },
            .feed = &feed_,
            .logins = &logins_,
            .config_file = around_.options->config,
            .started = policy::system_now(),
            .reload = around_.reload};
}

void RelayPart::stop()
{
    servers_.stop();
    logins_.close();
    const std::lock_guard no_reload{stop_mutex_};
    stopped_ = true;
    current_.set(nullptr);
    {
        const std::lock_guard lock{sink_mutex_};
        sink_ = nullptr;
    }
    // Sessions that still run keep the store alive.
    if (grants_)
        grants_->flush();
    grants_.reset();
}

void RelayPart::take_over_logins(const policy::config::Relayers& settings)
{
    const auto grants = store();
    if (!grants)
        return;
    auto named = settings.protect;
    named.insert(named.end(), settings.trusted_proxies.begin(),
                 settings.trusted_proxies.end());
    auto off_limits =
        std::make_shared<policy::relayers::Protected>(std::move(named));
    policy::relayers::GrantingSettings granting;
    granting.ipv6_prefix = settings.ipv6_prefix;
    granting.window = settings.window;
    granting.failed = [this](const policy::relayers::Login& login,
                             const policy::Error& error) {
        policy::Fields line;
        line.say("login: no grant:").add("client", login.client.text());
        line.add("error", error.text);
        log().line(Level::error, "", line.text());
    };
    granting.refused = [this](const policy::relayers::Login& login) {
        policy::Fields line;
        line.say("login: protected address, no grant:");
        line.add("client", login.client.text()).add("user", login.user);
        log().line(Level::info, "", line.text());
    };
    auto sink = policy::relayers::granting_sink(grants, off_limits,
                                                std::move(granting));
    const std::lock_guard lock{sink_mutex_};
    sink_ = std::move(sink);
    off_limits_ = std::move(off_limits);
}

/// On the loop's thread.
void RelayPart::heard(const policy::relayers::Login& login)
{
    constexpr std::chrono::minutes stale{1};
    policy::relayers::LoginSink sink;
    std::shared_ptr<policy::relayers::Protected> off_limits;
    {
        const std::lock_guard lock{sink_mutex_};
        sink = sink_;
        off_limits = off_limits_;
    }
    if (!sink)
        return;
    // Own addresses change with interfaces and DHCP.
    const auto now = std::chrono::steady_clock::now();
    if (now - refreshed_ > stale) {
        off_limits->refresh();
        refreshed_ = now;
    }
    sink(login);
    policy::Fields line;
    line.say("login:")
        .add("client", login.client.text())
        .add("user", login.user)
        .add("service", login.service)
        .add("source", login.source);
    log().line(login.source == "anvil" ? Level::debug : Level::info, "",
               line.text());
}

bool RelayPart::is_off_limits(const policy::ClientAddr& client)
{
    const std::lock_guard lock{sink_mutex_};
    return off_limits_ && off_limits_->contains(client);
}

/// A session renews its own user's grant, and makes none.
bool RelayPart::is_known(const policy::relayers::Login& login)
{
    const auto grants = store();
    if (!grants)
        return false;
    const auto grant = grants->find(login.client);
    return grant && *grant && (*grant)->user == login.user;
}

policy::config::Problems RelayPart::check()
{
    const auto& config = *around_.config;
    policy::config::Problems problems = check_logins(config);
    for (auto& more :
         {check_grants(config), assembled(around_.config, false).problems})
        problems.insert(problems.end(), more.begin(), more.end());
    return problems;
}

policy::config::Problems RelayPart::remarks(
    const policy::config::Config& config) const
{
    return ignored_features(config);
}

std::unique_ptr<milter::Part> make_part(milter::Surroundings around)
{
    return std::make_unique<RelayPart>(std::move(around));
}

}  // namespace milters::relay
