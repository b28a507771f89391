// What a milter does, apart from the process that it does it in: a process
// has one part, or several that share its socket (postern-milter).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milters/milter/options.h"
#include "milters/milter/process.h"
#include "milters/milter/session.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/result.h"

namespace milters::milter {

using ConfigPtr = std::shared_ptr<const policy::config::Config>;

/// What a part is given for its life.
struct Surroundings {
    const Options* options = nullptr;
    ConfigPtr config;            ///< the one it starts with
    policy::Log* log = nullptr;  ///< its own, under its own name
    /// Reads the configuration anew, for all parts.  Any thread.
    /// @return what is wrong with it; empty: it is in force
    std::function<policy::config::Problems()> reload;
};

/// A new configuration that is ready, or why it cannot be.
struct Prepared {
    std::function<void()> take_over;  ///< cannot fail; null if there are
    policy::config::Problems problems;

    static Prepared failed(const policy::Error& error);
};

/// One milter's work.  check(), or bind() and start(), are called once, in
/// this order, by the one thread of the start; prepare() and make_session() by
/// any.
class Part {
public:
    virtual ~Part() = default;

    virtual Needs needs() const = 0;
    /// A session bound to the configuration now in force.
    virtual std::unique_ptr<Session> make_session() = 0;

    /// -n: every problem that would keep it from starting.
    virtual policy::config::Problems check() = 0;
    /// What it will not do as written, with file and line, though it starts:
    /// told by -n, and logged when the configuration is taken over.
    virtual policy::config::Problems remarks(
        const policy::config::Config& config) const
    {
        (void)config;
        return {};
    }
    /// Binds sockets of its own and starts helpers; as root if started so,
    /// and with one thread.
    /// @param names  gets the paths of unix sockets
    virtual policy::Status bind(const std::optional<Account>& account,
                                std::vector<std::string>& names)
    {
        (void)account;
        (void)names;
        return {};
    }
    /// How long a reload may take; longer, and it is given up.
    virtual std::chrono::seconds patience() const
    {
        return std::chrono::seconds{10};
    }
    /// Makes a configuration ready, changing nothing that is in force.  One
    /// that hangs is left alone: another may come before it returns, or the
    /// stop.
    virtual Prepared prepare(ConfigPtr config) = 0;
    /// After the first configuration was taken over.
    virtual policy::Status start() { return {}; }
    /// Ends threads and closes sockets; handlers may still run.
    virtual void stop() {}
};

/// A kind of part.
struct PartKind {
    const char* program;  ///< its name in the log: relay-milter
    const char* section;  ///< of postern.yaml, and first word of its lines
    std::unique_ptr<Part> (*make)(Surroundings surroundings);
};

}  // namespace milters::milter
