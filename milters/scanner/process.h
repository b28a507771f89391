// A virus-scanner process, seen from its client.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "milters/scanner/channel.h"
#include "milters/scanner/held_set.h"
#include "policy/scan/verdict.h"
#include "policy/scan/wire.h"

namespace milters::scanner {

/// How virus-scanner is started.
struct Command {
    std::string program;  ///< path
    /// Without --control; `-d` is followed by the database.
    std::vector<std::string> arguments;
    /// Its standard streams are /dev/null, and not ours: whoever waits for
    /// the end of what our starter says does not wait for the scanner's.
    bool silent = false;
};

using SetPtr = std::shared_ptr<const HeldSet>;

/// The path of `virus-scanner` beside the program that runs.
std::string scanner_beside_us();

/// One scanner process.  Closing it lets the workers finish what they scan.
class Process {
public:
    /// @param set     loaded in the place of the command's database; may be
    ///                null
    /// @param beside  another scanner serves meanwhile
    static policy::Result<std::unique_ptr<Process>> start(
        const Command& command, const SetPtr& set, bool beside);
    /// Closes the control socket and leaves the process to end by itself, with
    /// its last scan; one that is not ready has none, and is killed.
    /// reap_all() fetches it later.
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    int control() const { return control_.get(); }
    pid_t pid() const { return pid_; }

    /// Asks the parent to end a worker that has overrun its deadline.
    void kill_worker(unsigned id) const;
    /// Asks it to replace no worker that ends.
    void retire() const { kill_worker(policy::scan::retire); }

    bool ready = false;
    const std::chrono::steady_clock::time_point started =
        std::chrono::steady_clock::now();
    policy::scan::EngineInfo engine{};
    std::uint64_t memory = 0;
    std::string fingerprint{};  ///< of the database it began to load
    std::int64_t newest = 0;    ///< mtime of its newest file
    SetPtr set{};               ///< what it was told to load; may be null
    bool went_back = false;     ///< the set is an older one than the database

private:
    Process(Fd control, pid_t pid) : control_{std::move(control)}, pid_{pid} {}

    Fd control_;
    pid_t pid_;
};

/// A worker's socket.  Closing it ends the worker once it is idle.
struct Link {
    Fd socket;
    unsigned id = 0;
    std::shared_ptr<Process> process;
};

/// Fetches the exit status of scanners that have ended.
void reap_all();

}  // namespace milters::scanner
