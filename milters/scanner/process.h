// A virus-scanner process, seen from its client.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "milters/scanner/channel.h"
#include "policy/scan/verdict.h"
#include "policy/scan/wire.h"

namespace milters::scanner {

/// How virus-scanner is started.
struct Command {
    std::string program;                 ///< path
    std::vector<std::string> arguments;  ///< without --control
};

/// The path of `virus-scanner` beside the program that runs.
std::string scanner_beside_us();

/// One scanner process.  Closing it lets the workers finish what they scan.
class Process {
public:
    static policy::Result<std::unique_ptr<Process>> start(
        const Command& command);
    /// Closes the control socket and leaves the process to end by itself;
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
    policy::scan::EngineInfo engine{};
    std::uint64_t memory = 0;
    std::string fingerprint{};  ///< of the database it began to load
    std::int64_t newest = 0;    ///< mtime of its newest file

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
