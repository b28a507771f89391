// clamd servers as a Scanner.  What clamd does not report (clamd.conf:
// AlertExceedsMax, AlertEncrypted) is not seen here either; that it reports
// it, and can unpack at all, is asked of it by files made for that.
#pragma once

#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "milters/scanner/memfd.h"
#include "milters/scanner/talk.h"
#include "policy/config/socket_spec.h"
#include "policy/scan/scanner.h"

namespace milters::scanner {

struct ClamdOptions {
    std::vector<policy::config::SocketSpec> servers{};
    std::chrono::milliseconds timeout{120000};   ///< one scan
    std::chrono::milliseconds deadline{240000};  ///< of all servers together
    std::chrono::milliseconds probe{5000};       ///< how often all are asked
    bool verify = true;     ///< believe `OK` only from one that passes tests
    bool encrypted = true;  ///< it must report what is encrypted
    std::function<void(bool alarm, const std::string&)> log;
};

/// What a reply to FILDES or INSTREAM means: `stream: Eicar FOUND`,
/// `fd[10]: OK`, `INSTREAM size limit exceeded. ERROR`.  Anything that is not
/// clearly OK is no clean verdict.  Pure.
policy::scan::Verdict read_clamd_reply(std::string_view reply);

/// `ClamAV 1.4.6/27345/Mon Jan  2 03:04:05 2026`.  Pure.
policy::scan::EngineInfo read_clamd_version(std::string_view reply);

/// Takes the servers in turn; one that fails is passed over until it answers
/// again, and the message goes to the next.  A thread of its own asks all of
/// them how they are.  Over unix sockets the open file itself is handed over
/// (FILDES), over TCP its bytes (INSTREAM).  Safe to call from many threads.
class ClamdPool final : public policy::scan::Scanner {
public:
    /// @throws std::runtime_error  no memory for the tests
    explicit ClamdPool(ClamdOptions options);

    policy::scan::Verdict scan(const policy::scan::ScanJob& job,
                               const std::function<void()>& tick) override;
    /// No generation if no server answers.
    policy::scan::EngineInfo info() const override;

private:
    using Steady = std::chrono::steady_clock;

    struct Server {
        policy::config::SocketSpec where;
        bool well = false;   ///< the last thing asked of it went well
        std::string said{};  ///< what did not, as it was logged
        Steady::time_point asked_at{};  ///< for its version
        Steady::time_point tested_at{};
        std::string version{};
    };

    /// A file made here, and what a server must say of it.
    struct Test {
        MemFile file;
        policy::scan::ScanStatus expected;
        std::string name;
        std::string advice;
    };

    /// A server that is asked something, and until when.
    struct Call {
        std::size_t server;
        Steady::time_point end;
        const Tick& tick;
    };

    // in clamd_health.cc
    void make_tests();
    void add_test(const std::string& bytes, policy::scan::ScanStatus expected,
                  std::string name, std::string advice);
    void look_after(const std::stop_token& stop);
    policy::Status look_at(const Call& call);
    policy::Status learn_version(const Call& call);
    policy::Status test_settings(const Call& call);
    policy::Status pass(const Call& call, const Test& test);
    void failed(std::size_t server, const std::string& why);
    void answered(std::size_t server);

    std::vector<std::size_t> order();
    policy::Result<policy::scan::Verdict> scan_at(
        const Call& call, const policy::scan::ScanJob& job);
    policy::Result<policy::scan::Verdict> ask(const Call& call,
                                              const policy::scan::ScanJob& job);
    std::string generation() const;

    const ClamdOptions options_;
    /// The first is asked after each clean verdict; none: believe all.
    std::vector<Test> tests_;
    mutable std::mutex mutex_;
    std::vector<Server> servers_;
    std::size_t next_ = 0;
    std::jthread health_;  ///< ends first
};

}  // namespace milters::scanner
