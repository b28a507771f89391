#include "milters/relay/program.h"
#include "milters/milter/prepare.h"

#include <sysexits.h>
#include <unistd.h>

#include <iostream>
#include <stdexcept>

#include "milters/relay/session.h"
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

RelayMilter::RelayMilter(milter::Options options, ConfigPtr config)
    : options_{std::move(options)},
      config_{std::move(config)},
      log_{log_options()},
      servers_{current_, control_links()}
{
}

Level RelayMilter::level(const policy::config::Config& config) const
{
    return options_.verbose ? Level::debug
                            : policy::Log::level_of(config.log.level);
}

policy::Log::Options RelayMilter::log_options() const
{
    // Nothing is opened as root, and nothing at all by -n.
    return {program_name, config_->log.facility, level(*config_),
            options_.foreground};
}

int RelayMilter::complain(const policy::Error& error) const
{
    std::cerr << program_name << ": " << error.text << '\n';
    return EX_CONFIG;
}

Status RelayMilter::prepare()
{
    return milter::prepare(service_, options_, config_->user, config_->relay);
}

policy::Result<std::shared_ptr<policy::relayers::Store>>
RelayMilter::open_store()
{
    if (!grants_) {
        auto grants = Grants::open(
            *config_,
            [this](const std::string& text) {
                log_.line(Level::warning, "", policy::printable(text));
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

policy::config::Problems RelayMilter::take_over(ConfigPtr config,
                                                bool with_store)
{
    Given given{nullptr, &log_, options_.test_mode};
    if (with_store)
        given.store = [this] { return open_store(); };
    auto assembled = assemble(config, given);
    if (!assembled.runtime)
        return std::move(assembled.problems);
    current_.set(std::move(assembled.runtime));
    if (grants_)
        grants_->configure(config->relay.relayers);
    take_over_logins(config->relay.relayers);
    return {};
}

Logins::Links RelayMilter::login_links()
{
    Logins::Links links;
    links.sink = [this](const policy::relayers::Login& login) { heard(login); };
    links.known = [this](const policy::relayers::Login& login) {
        return is_known(login);
    };
    links.warn = [this](const std::string& text) {
        log_.line(Level::warning, "", "login: " + policy::printable(text));
    };
    return links;
}

Status RelayMilter::bind()
{
    if (const auto problems = check_logins(*config_); !problems.empty())
        return fail(policy::Errc::parse, lines(problems));
    if (auto bound =
            servers_.bind(config_->relay, service_.account, service_.names);
        !bound)
        return bound;
    const auto& login = config_->relay.login;
    for (const auto* spec : {&login.dict_socket, &login.datagram_socket})
        if (!spec->path.empty())
            service_.names.push_back(spec->path);
    if (auto made = milter::make_folder_of(
            config_->relay.relayers.journal + "/.", service_.account);
        !made)
        return made;
    return logins_.bind(servers_.loop(), *config_, service_.account,
                        login_links());
}

Status RelayMilter::start()
{
    auto problems = check_grants(*config_);
    if (problems.empty())
        problems = take_over(config_, true);
    if (!problems.empty())
        return fail(policy::Errc::parse, lines(problems));
    log_.reopen(level(*config_), config_->log.decisions);
    if (auto followed =
            logins_.follow(servers_.loop(), *config_, login_links());
        !followed)
        return followed;
    return servers_.start(config_->relay);
}

policy::config::Problems RelayMilter::reload()
{
    const std::lock_guard one_at_a_time{reload_mutex_};
    auto loaded = policy::config::load(options_.config);
    auto problems = std::move(loaded.problems);
    if (loaded.config)
        problems = take_over(loaded.config, true);
    for (const auto& problem : problems)
        log_.line(Level::error, "", policy::printable(problem));
    if (!problems.empty()) {
        log_.line(Level::error, "",
                  "reload failed: the old configuration stays");
        return problems;
    }
    for (const auto& name : needs_restart(*config_, *loaded.config))
        log_.line(Level::warning, "",
                  name + " has changed: restart to take it over");
    log_.reopen(level(*loaded.config), loaded.config->log.decisions);
    log_.line(Level::info, "", "reloaded " + options_.config);
    return {};
}

ControlLinks RelayMilter::control_links()
{
    return {.store = [this] { return store(); },
            .runtime = [this] { return current_.get(); },
            .feed = &feed_,
            .logins = &logins_,
            .config_file = options_.config,
            .started = policy::system_now(),
            .reload = [this] { return reload(); }};
}

void RelayMilter::stop()
{
    servers_.stop();
    logins_.close();
    const std::lock_guard no_reload{reload_mutex_};
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

void RelayMilter::take_over_logins(const policy::config::Relayers& settings)
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
        log_.line(Level::error, "", line.text());
    };
    granting.refused = [this](const policy::relayers::Login& login) {
        policy::Fields line;
        line.say("login: protected address, no grant:");
        line.add("client", login.client.text()).add("user", login.user);
        log_.line(Level::info, "", line.text());
    };
    auto sink = policy::relayers::granting_sink(grants, off_limits,
                                                std::move(granting));
    const std::lock_guard lock{sink_mutex_};
    sink_ = std::move(sink);
    off_limits_ = std::move(off_limits);
}

/// On the loop's thread.
void RelayMilter::heard(const policy::relayers::Login& login)
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
    log_.line(login.source == "anvil" ? Level::debug : Level::info, "",
              line.text());
}

bool RelayMilter::is_off_limits(const policy::ClientAddr& client)
{
    const std::lock_guard lock{sink_mutex_};
    return off_limits_ && off_limits_->contains(client);
}

/// A session renews its own user's grant, and makes none.
bool RelayMilter::is_known(const policy::relayers::Login& login)
{
    const auto grants = store();
    if (!grants)
        return false;
    const auto grant = grants->find(login.client);
    return grant && *grant && (*grant)->user == login.user;
}

int RelayMilter::check()
{
    if (const auto fine = prepare(); !fine)
        return complain(fine.error());
    policy::config::Problems problems = check_logins(*config_);
    // As the user who will read the maps.
    if (service_.account && geteuid() == 0)
        if (const auto fine = milter::become(*service_.account); !fine)
            return complain(fine.error());
    for (auto& more : {check_grants(*config_), take_over(config_, false)})
        problems.insert(problems.end(), more.begin(), more.end());
    for (const auto& problem : problems)
        std::cerr << program_name << ": " << problem << '\n';
    if (options_.verbose)
        std::cout << policy::config::print(*config_);
    return problems.empty() ? EX_OK : EX_CONFIG;
}

int RelayMilter::run()
{
    if (const auto fine = prepare(); !fine)
        return complain(fine.error());
    program_.name = program_name;
    program_.needs = relay_needs();
    program_.make_session = [this] {
        auto runtime = current_.get();
        if (!runtime)
            throw std::runtime_error("stopping");
        return std::make_unique<RelaySession>(std::move(runtime));
    };
    program_.log = [this](const std::string& id, const std::string& what) {
        log_.line(Level::error, id,
                  "relay: internal error: " + policy::printable(what));
    };
    service_.program = &program_;
    service_.log = &log_;
    service_.bind = [this] { return bind(); };
    service_.start = [this] { return start(); };
    service_.reload = [this] { reload(); };
    service_.stop = [this] { stop(); };
    return milter::serve(service_);
}

}  // namespace milters::relay
