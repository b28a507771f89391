// Long IMAP sessions: who is connected right now, asked of Dovecot's anvil.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "milters/login/intake.h"
#include "milters/net/loop.h"

namespace milters::login {

struct AnvilOptions {
    Common common{};
    std::string path = "/run/dovecot/anvil";
    std::chrono::seconds every{60};
    /// Whether a session may renew a grant: the daemon asks its store if this
    /// client has one of this user.  Empty: every session grants, even one
    /// whose login we missed.
    std::function<bool(const policy::relayers::Login&)> known{};
};

/// One line of CONNECT-DUMP: `imap/192.0.2.7/alice<TAB>pid<TAB>refs`.
struct AnvilSession {
    std::string service, ip, user;
};

/// nullopt if the line is none.  Pure.
std::optional<AnvilSession> parse_session(std::string_view line);

/// An IMAP user logs in once and sends mail hours later, so each `every` the
/// sessions of anvil are reported again as logins of source "anvil".  An
/// anvil that is away or hangs costs nothing but a warning.  Thread rule as
/// HttpListener.
class AnvilPoller {
public:
    static policy::Result<std::unique_ptr<AnvilPoller>> make(
        net::Loop& loop, AnvilOptions options,
        policy::relayers::LoginSink sink);
    ~AnvilPoller();
    AnvilPoller(const AnvilPoller&) = delete;
    AnvilPoller& operator=(const AnvilPoller&) = delete;

    const Counters& counters() const;

    static constexpr std::chrono::seconds timeout{5};
    static constexpr std::size_t max_line = 4 * 1024;
    static constexpr std::size_t max_dump = 16 * 1024 * 1024;

private:
    struct Impl;
    explicit AnvilPoller(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace milters::login
