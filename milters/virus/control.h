// What postern virus and freshclam ask a virus-milter that runs.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "milters/milter/process.h"
#include "milters/net/loop.h"
#include "milters/net/server.h"
#include "milters/net/workers.h"
#include "milters/scanner/pool.h"
#include "milters/virus/runtime.h"

namespace milters::virus {

/// What the commands work on.  Any thread.
struct ControlLinks {
    std::function<std::shared_ptr<const Runtime>()> runtime;
    /// State of the workers; nullopt with `engine: clamd`.
    std::function<std::optional<scanner::PoolState>()> pool;
    /// Loads the signatures again, changed or not; returns at once.
    std::function<void()> reload;
    std::string config_file;
    policy::Seconds started{};
};

/// Answers one request.  As JSON, a line each way:
///
///   {"command":"status"}   program, version, engine, signatures, their age,
///                          workers, the last failure to load
///   {"command":"stats"}    numbers since the start
///   {"command":"metrics"}  the same as Prometheus reads it, in `text`
///   {"command":"reload"}   loads the signatures again
///
/// In clamd's words, for freshclam's NotifyClamd: RELOAD, PING, VERSION, bare
/// or with `n` or `z` in front.
std::string answer_control(const std::string& request,
                           const ControlLinks& links);

/// The socket, its loop and its thread.  bind(), start() and stop() by the
/// thread that starts the program.
class Control {
public:
    explicit Control(ControlLinks links) : links_{std::move(links)} {}
    ~Control() { stop(); }
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    /// @param names  gets the path of the socket
    policy::Status bind(const policy::config::Virus& virus,
                        const std::optional<milter::Account>& account,
                        std::vector<std::string>& names);
    policy::Status start();
    void stop();

private:
    ControlLinks links_;
    std::unique_ptr<net::Loop> loop_;
    std::unique_ptr<net::Workers> workers_;
    std::optional<net::ListenSocket> socket_;
    std::unique_ptr<net::Server> server_;
    std::thread thread_;
};

}  // namespace milters::virus
