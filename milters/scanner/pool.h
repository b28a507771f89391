// Sandboxed workers as a Scanner: a queue in front of them, one retry for a
// message whose worker died, and a new set of signatures beside the old one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "milters/scanner/process.h"
#include "policy/scan/database.h"
#include "policy/scan/scanner.h"

namespace milters::scanner {

struct PoolOptions {
    Command command{};
    std::string database{};   ///< watched for changes; empty: not watched
    std::string temp_base{};  ///< where links to its files are made
    std::chrono::milliseconds deadline{240000};  ///< waiting and scanning
    std::chrono::milliseconds attempt{150000};   ///< one scan
    std::chrono::milliseconds load{300000};      ///< loading and testing a set
    unsigned max_waiting = 1000;
    std::chrono::milliseconds watch{60000};  ///< how often to look; 0: never
    std::chrono::milliseconds settle{2000};  ///< unchanged so long: complete
    bool serial = false;  ///< end the old set before the new one is loaded
    /// One line; `alarm` if somebody should look after it.
    std::function<void(bool alarm, const std::string&)> log;
};

/// What the status command shows.
struct PoolState {
    policy::scan::EngineInfo engine{};  ///< generation empty: not ready
    unsigned idle = 0;
    unsigned waiting = 0;
    std::string last_error{};  ///< why the newest set was not taken
    std::uint64_t reloads = 0;
    std::uint64_t retries = 0;
};

/// Safe to call from many threads.  Its own thread looks after the scanner
/// process: starts it again when it dies, and replaces it when the database
/// has changed.  The files of the set that serves are held open, so that it
/// can be loaded again when the database holds a worse one by then.
class Pool final : public policy::scan::Scanner {
public:
    explicit Pool(PoolOptions options);
    ~Pool() override;
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    policy::scan::Verdict scan(const policy::scan::ScanJob& job,
                               const std::function<void()>& tick) override;
    policy::scan::EngineInfo info() const override;

    /// Waits until the first set is loaded.  The error says why it is not.
    policy::Status wait_ready(std::chrono::milliseconds limit);

    /// Loads the set again, changed or not.  Returns at once.
    void reload();

    PoolState state() const;

private:
    using Steady = std::chrono::steady_clock;
    using LinkPtr = std::unique_ptr<Link>;

    struct Waiter {
        std::condition_variable wake;
        LinkPtr link;
    };
    using Queue = std::list<Waiter*>;

    // in pool.cc: a message's way
    policy::Result<LinkPtr> acquire(bool urgent, Steady::time_point end,
                                    const std::function<void()>& tick);
    policy::Result<policy::scan::Verdict> attempt(
        LinkPtr& link, const policy::scan::ScanJob& job, Steady::time_point end,
        const std::function<void()>& tick);
    bool is_hopeless() const;
    void give_back(LinkPtr link);
    void offer(LinkPtr link);

    // in supervise.cc: the process's life, on thread_
    void supervise();
    void keep_running();
    void start_next();
    std::unique_ptr<Process> start_process();
    void hear(const std::shared_ptr<Process>& process);
    void on_event(const std::shared_ptr<Process>& process,
                  const policy::scan::ScannerEvent& event, Fd socket);
    void take_over(const std::shared_ptr<Process>& process);
    void lost(const std::shared_ptr<Process>& process, const std::string& said);
    void give_up_late();
    std::string in_terms_of_database(const Process& process,
                                     const std::string& said) const;

    // in reload.cc, on thread_: which set is loaded, and when
    void look_at_database();
    bool is_settled(const policy::scan::DatabaseState& state);
    void missing(const policy::Error& error);
    SetPtr set_to_load(bool& went_back);
    bool room_beside() const;
    void keep_old(const std::string& why);
    void retire_current();
    void say(bool alarm, const std::string& text) const;
    void wake_supervisor() const;

    const PoolOptions options_;
    mutable std::mutex mutex_;
    std::condition_variable became_ready_;
    std::vector<LinkPtr> idle_;
    Queue urgent_;
    Queue waiting_;
    std::shared_ptr<Process> current_;
    std::shared_ptr<Process> next_;
    std::string last_error_;
    std::chrono::milliseconds backoff_{};  ///< after starts that failed
    std::uint64_t next_job_ = 1;
    std::uint64_t reloads_ = 0;
    std::uint64_t retries_ = 0;
    bool stop_ = false;
    bool reload_asked_ = false;

    // thread_ only
    std::string told_;      ///< what a scanner can do less well here
    SetPtr good_;           ///< the set that served last; null: none yet
    std::string refused_;   ///< fingerprint of a set that would not load
    bool missing_ = false;  ///< the last look found no set
    std::optional<policy::scan::DatabaseState> changing_;
    Steady::time_point changed_at_{};
    Steady::time_point next_look_{};
    Steady::time_point not_before_{};

    Fd wake_;
    std::thread thread_;
};

}  // namespace milters::scanner
