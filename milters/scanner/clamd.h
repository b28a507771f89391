// clamd servers as a Scanner.  What clamd does not report (clamd.conf:
// AlertExceedsMax, AlertEncrypted) is not seen here either; that it can
// unpack at all is asked of it after each clean verdict.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/scanner/memfd.h"
#include "milters/scanner/talk.h"
#include "policy/config/socket_spec.h"
#include "policy/scan/scanner.h"

namespace milters::scanner {

struct ClamdOptions {
    std::vector<policy::config::SocketSpec> servers{};
    std::chrono::milliseconds timeout{120000};  ///< one scan
    std::chrono::milliseconds probe{5000};  ///< a server that failed is left
                                            ///< alone so long
    bool verify = true;  ///< believe `OK` only from one that finds EICAR then
    std::function<void(bool alarm, const std::string&)> log;
};

/// What a reply to FILDES or INSTREAM means: `stream: Eicar FOUND`,
/// `fd[10]: OK`, `INSTREAM size limit exceeded. ERROR`.  Anything that is not
/// clearly OK is no clean verdict.  Pure.
policy::scan::Verdict read_clamd_reply(std::string_view reply);

/// `ClamAV 1.4.6/27345/Mon Jan  2 03:04:05 2026`.  Pure.
policy::scan::EngineInfo read_clamd_version(std::string_view reply);

/// Takes the servers in turn; one that fails is passed over for a while and
/// the message goes to the next.  Over unix sockets the open file itself is
/// handed over (FILDES), over TCP its bytes (INSTREAM).  Safe to call from
/// many threads.
class ClamdPool final : public policy::scan::Scanner {
public:
    explicit ClamdPool(ClamdOptions options);

    policy::scan::Verdict scan(const policy::scan::ScanJob& job,
                               const std::function<void()>& tick) override;
    policy::scan::EngineInfo info() const override;

private:
    using Steady = std::chrono::steady_clock;

    struct Server {
        policy::config::SocketSpec where;
        Steady::time_point down_until{};
        Steady::time_point asked_at{};  ///< for its version
        std::string version{};
    };

    std::vector<std::size_t> order();
    policy::Result<policy::scan::Verdict> scan_at(
        std::size_t server, const policy::scan::ScanJob& job,
        const std::function<void()>& tick);
    policy::Result<policy::scan::Verdict> ask(std::size_t server,
                                              const policy::scan::ScanJob& job,
                                              const Tick& tick);
    policy::Status prove(std::size_t server, const Tick& tick);
    policy::Status learn_version(std::size_t server);
    void failed(std::size_t server, const std::string& why);
    std::string generation() const;

    const ClamdOptions options_;
    mutable std::mutex mutex_;
    std::vector<Server> servers_;
    std::size_t next_ = 0;
    std::optional<MemFile> proof_;  ///< EICAR in a mail; none: not asked for
};

}  // namespace milters::scanner
