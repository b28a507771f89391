// The process that loads the signatures once and keeps the workers that share
// them, copy on write.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milters/scanner/channel.h"
#include "milters/scanner/sandbox.h"
#include "milters/scanner/temp_dir.h"
#include "policy/scan/clamav.h"
#include "policy/scan/wire.h"

namespace milters::scanner {

struct ParentOptions {
    policy::scan::EngineOptions engine{};
    unsigned workers = 1;
    std::string temp_base = "/tmp";
    std::uint64_t temp_size = 1ULL << 30;  ///< bytes a worker may unpack
    std::uint64_t memory = 1ULL << 30;     ///< bytes a worker may take
    std::optional<UserId> user;            ///< whom workers run as
    /// Others scan meanwhile: load without being in their way.
    bool beside = false;
    /// The set must find the EICAR test file, or it is a broken one.
    bool expect_eicar = true;
    /// Files that must come out clean, beside the built-in ones.
    std::vector<std::string> known_clean{};
};

/// Loads, tests, forks, and replaces workers that have died, for one client
/// that is at the other end of `control`.  One thread; SIGCHLD and SIGTERM
/// must be blocked.
class Parent {
public:
    Parent(ParentOptions options, int control)
        : options_{std::move(options)}, control_{control}
    {
    }
    ~Parent();

    /// Loads the set and tests it in a worker of its own.
    policy::Status prepare();

    /// Serves until the client closes or SIGTERM; returns the exit code.
    /// Workers that still scan are waited for.
    int run();

    const policy::scan::EngineInfo& info() const { return engine_->info(); }

private:
    struct Worker {
        pid_t pid = 0;
        std::optional<TempDir> dir{};
        std::chrono::steady_clock::time_point born{};
        std::string killed_for{};  ///< empty: not by us
    };

    policy::Result<Fd> start_worker(unsigned id);
    [[noreturn]] void be_worker(const Fd& socket, const TempDir& dir);
    policy::Status hand_over(unsigned id);
    policy::Status refill();
    policy::Status enclose();
    policy::Status load();
    policy::Result<TempDir> make_folder(unsigned id);
    policy::Status test_set();
    void measure();
    int patience() const;
    std::string shortcomings() const;
    void reap();
    bool obey();
    int wait_for_workers();
    void tell(policy::scan::ScannerEvent event) const;

    ParentOptions options_;
    int control_;
    bool own_mount_ = false;
    std::string no_mount_;  ///< why, if not own_mount_
    std::unique_ptr<policy::scan::Engine> engine_;
    std::map<unsigned, Worker> workers_;
    unsigned next_id_ = 1;
    std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace milters::scanner
