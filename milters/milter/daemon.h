// Runs a milter program: starts in an order that is safe, serves, reloads,
// and stops in under a second.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "milters/milter/process.h"
#include "milters/milter/session.h"
#include "milters/net/socket.h"
#include "policy/log.h"
#include "policy/result.h"

namespace milters::milter {

/// What a program gives to the daemon.
struct Service {
    const Program* program = nullptr;
    net::SocketSpec socket{};
    net::Ownership ownership{};
    std::string pid_file{};
    std::optional<Account> account{};
    bool foreground = false;
    policy::Log* log = nullptr;

    /// Binds the program's other sockets; as root if started so, one thread.
    /// Adds the names of unix sockets to `names`.
    std::function<policy::Status()> bind{};
    std::vector<std::string> names{};
    /// Opens maps and starts threads; as the account.  An error may have
    /// several lines, one for each problem.
    std::function<policy::Status()> start{};
    /// Takes over a new configuration.  Runs in a thread of its own, one at
    /// a time.
    std::function<void()> reload{};
    /// Ends threads and closes sockets.  May be cut short after a second.
    std::function<void()> stop{};
};

/// Serves until SIGTERM or SIGINT.  SIGHUP and SIGUSR1 reload; sessions go
/// on with the configuration they began with.
///
/// Order: signals blocked, background, pid file locked, sockets bound (mode
/// 0 until they have their owner), root dropped, start(), smfi_main; only
/// then does the process that was started return.
///
/// @return exit code (sysexits) of a start that failed, told on stderr and
///         in the log; a stop ends the process and does not return
int serve(Service& service);

/// Asks for a reload as SIGHUP does.  Any thread.
void request_reload();

/// Makes libmilter start one more worker thread.  Debian's libmilter hands
/// sessions that become ready in the same instant to two workers only; the
/// others wait until these are done.  A connection to our own socket while no
/// worker is idle starts another one, which then serves the waiting sessions.
/// Call before a step that takes long.  Any thread; does nothing before
/// serve().
void kick();

/// Kicks while a step takes long: a step that is quick costs nothing.
///
///     const SlowStep step;
///     auto grant = store.find(client);
class SlowStep {
public:
    SlowStep();
    ~SlowStep();
    SlowStep(const SlowStep&) = delete;
    SlowStep& operator=(const SlowStep&) = delete;
};

}  // namespace milters::milter
