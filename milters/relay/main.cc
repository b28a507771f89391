// relay-milter: who may send through this host.  See relay-milter(8).
#include <sysexits.h>
#include <unistd.h>

#include <iostream>

#include "milters/milter/daemon.h"
#include "milters/milter/options.h"
#include "milters/relay/assemble.h"
#include "milters/relay/servers.h"
#include "milters/relay/session.h"
#include "policy/config/config.h"

namespace {

using namespace milters;
using policy::fail;
using policy::Status;
using Level = policy::Log::Level;

constexpr const char* name = "relay-milter";
constexpr const char* purpose =
    "Decides who may relay mail through this host: a milter for sendmail and "
    "Postfix,\na socketmap and policy server, and the keeper of "
    "POP-before-SMTP grants.";

using ConfigPtr = std::shared_ptr<const policy::config::Config>;

/// Everything that lives from start to stop.
class RelayMilter {
public:
    RelayMilter(milter::Options options, ConfigPtr config)
        : options_{std::move(options)},
          config_{std::move(config)},
          log_{log_options()},
          servers_{current_}
    {
    }

    int check();
    int run();

private:
    policy::Log::Options log_options() const;
    Status prepare();
    Status start();
    void reload();
    policy::config::Problems take_over(ConfigPtr config);
    relay::Given given() { return {nullptr, &log_, options_.test_mode}; }
    Level level(const policy::config::Config& config) const
    {
        return options_.verbose ? Level::debug
                                : policy::Log::level_of(config.log.level);
    }

    milter::Options options_;
    ConfigPtr config_;
    policy::Log log_;
    relay::Current current_;
    relay::Servers servers_;
    milter::Program program_{};
    milter::Service service_{};
};

policy::Log::Options RelayMilter::log_options() const
{
    return {name, config_->log.facility, level(*config_), options_.foreground,
            options_.check_only ? "" : config_->log.decisions};
}

/// What the configuration and the command line say together.
Status RelayMilter::prepare()
{
    const auto& user = options_.user.empty() ? config_->user : options_.user;
    if (!user.empty()) {
        const auto account = milter::Account::find(user);
        if (!account)
            return fail(account.error());
        service_.account = *account;
    }
    const auto& relay = config_->relay;
    service_.socket = relay.socket;
    service_.pid_file = relay.pid_file;
    if (!options_.socket.empty()) {
        const auto socket = policy::config::SocketSpec::parse(options_.socket);
        if (!socket)
            return fail(socket.error());
        service_.socket = *socket;
    }
    if (!options_.pid_file.empty())
        service_.pid_file = options_.pid_file;
    const auto ownership =
        milter::ownership(relay.socket_owner, relay.socket_group,
                          relay.socket_mode, service_.account);
    if (!ownership)
        return fail(ownership.error());
    service_.ownership = *ownership;
    service_.foreground = options_.foreground;
    return {};
}

policy::config::Problems RelayMilter::take_over(ConfigPtr config)
{
    auto assembled = relay::assemble(std::move(config), given());
    if (assembled.runtime)
        current_.set(std::move(assembled.runtime));
    return std::move(assembled.problems);
}

Status RelayMilter::start()
{
    std::string all;
    for (const auto& problem : take_over(config_))
        all += problem + "\n";
    if (!all.empty())
        return fail(policy::Errc::parse, all);
    return servers_.start(config_->relay);
}

void RelayMilter::reload()
{
    auto loaded = policy::config::load(options_.config);
    auto problems = std::move(loaded.problems);
    if (loaded.config)
        problems = take_over(loaded.config);
    for (const auto& problem : problems)
        log_.line(Level::error, "", policy::printable(problem));
    if (!problems.empty())
        return log_.line(Level::error, "",
                         "reload failed: the old configuration stays");
    log_.reopen(level(*loaded.config), loaded.config->log.decisions);
    log_.line(Level::info, "", "reloaded " + options_.config);
}

int RelayMilter::check()
{
    if (const auto fine = prepare(); !fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    // As the user who will read the maps.
    if (service_.account && geteuid() == 0)
        if (const auto fine = milter::become(*service_.account); !fine) {
            std::cerr << name << ": " << fine.error().text << '\n';
            return EX_NOPERM;
        }
    const auto problems = take_over(config_);
    for (const auto& problem : problems)
        std::cerr << name << ": " << problem << '\n';
    if (options_.verbose)
        std::cout << policy::config::print(*config_);
    return problems.empty() ? EX_OK : EX_CONFIG;
}

int RelayMilter::run()
{
    if (const auto fine = prepare(); !fine) {
        std::cerr << name << ": " << fine.error().text << '\n';
        return EX_CONFIG;
    }
    program_.name = name;
    program_.needs = relay::relay_needs();
    program_.make_session = [this] {
        return std::make_unique<relay::RelaySession>(current_.get());
    };
    program_.log = [this](const std::string& id, const std::string& what) {
        log_.line(Level::error, id,
                  "relay: internal error: " + policy::printable(what));
    };
    service_.program = &program_;
    service_.log = &log_;
    service_.bind = [this] {
        return servers_.bind(config_->relay, service_.account, service_.names);
    };
    service_.start = [this] { return start(); };
    service_.reload = [this] { reload(); };
    service_.stop = [this] { servers_.stop(); };
    return milter::serve(service_);
}

}  // namespace

int main(int argc, char** argv)
{
    const auto parsed = milter::parse_options(argc, argv, name, purpose);
    if (!parsed.options)
        return parsed.exit_code;
    const auto loaded = policy::config::load(parsed.options->config);
    for (const auto& problem : loaded.problems)
        std::cerr << name << ": " << problem << '\n';
    if (!loaded.config)
        return EX_CONFIG;
    RelayMilter milter{*parsed.options, loaded.config};
    return parsed.options->check_only ? milter.check() : milter.run();
}
