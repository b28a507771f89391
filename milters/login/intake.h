// What all login listeners have in common: they check a report, count it and
// hand it to one LoginSink.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "policy/clock.h"
#include "policy/relayers/login.h"
#include "policy/result.h"

namespace milters::login {

/// Takes one line for the log, without newline.  May be empty.
using Warn = std::function<void(const std::string&)>;

/// Settings that every listener has.
struct Common {
    /// Services whose logins count.  A hook that does not know its service
    /// reports it empty; that counts too, because such a hook is only
    /// installed where it should.
    std::set<std::string, std::less<>> services{"pop3", "imap"};
    policy::Clock clock = policy::system_now;
    Warn warn{};
};

/// Numbers for `postern status`; may be read from any thread.
struct Counters {
    std::atomic<std::uint64_t> logins{0};    ///< handed to the sink
    std::atomic<std::uint64_t> failures{0};  ///< wrong passwords reported
    std::atomic<std::uint64_t> ignored{
        0};  ///< other service, loopback, anonymous
    std::atomic<std::uint64_t> refused{0};    ///< wrong secret or uid
    std::atomic<std::uint64_t> malformed{0};  ///< not understood
};

/// "pop3" for pop3, POP3S, ipop3d, qpopper, ...; "imap" likewise; any other
/// name in lower case.
std::string service_name(std::string_view name);

/// What a report says of a successful login, in the reporter's own bytes.
struct Sighting {
    std::string_view ip, user, service;
    /// nullopt: now.  A time in the future becomes now, since a grant that
    /// begins in the future would be a pin.
    std::optional<policy::Seconds> when{};
    /// SASL mechanism, or what the server's log calls it; empty where the
    /// hook does not know it.
    std::string_view method{};
};

/// Whether a login without a password says so, by its mechanism (RFC 4505) or
/// by its name: "anonymous" in any case, also with a domain or what the client
/// gave for a password behind it, as Cyrus logs it.
bool is_anonymous(std::string_view user, std::string_view method);

/// Checks, counts and hands over.  Used by one listener on the loop's thread;
/// only counters() may be read elsewhere.
class Intake {
public:
    /// @param source  Login::source of all its reports
    Intake(Common common, std::string source, policy::relayers::LoginSink sink);

    /// A successful login.  Dropped and counted if `ip` is no address, is
    /// loopback, the service does not count, it is anonymous, or the name is
    /// impossible (longer than max_user, control characters).
    /// @param source  Login::source, where it is not the listener's own
    /// @return whether the sink got it
    bool login(const Sighting& seen, std::string_view source = {});

    void failed_login() { ++counters_.failures; }
    void ignored() { ++counters_.ignored; }
    /// Somebody who may not report tried to.  Logged at most every 10 s.
    void refused(const std::string& why);
    /// A report that cannot be understood.  Logged at most every 10 s.
    void malformed(const std::string& why);
    /// Logs at most every 10 s.
    void warn(const std::string& text);

    policy::Seconds now() const { return common_.clock(); }
    const std::string& source() const { return source_; }
    const Counters& counters() const { return counters_; }

    /// Octets; longer names are not handed on.
    static constexpr std::size_t max_user = 255;

private:
    bool counts(const std::string& service) const;
    bool hand_over(const policy::relayers::Login& login);

    Common common_;
    std::string source_;
    policy::relayers::LoginSink sink_;
    Counters counters_;
    policy::Seconds last_warning_{};
    std::uint64_t unsaid_ = 0;
};

}  // namespace milters::login
