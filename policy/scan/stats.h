// What virus-milter counts.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "policy/clock.h"
#include "policy/scan/policy.h"

namespace policy::scan {

/// One message that was judged.
struct Counted {
    ScanStatus status = ScanStatus::clean;
    Action action = Action::accept;
    std::uint64_t size = 0;
    std::chrono::microseconds time{};  ///< waiting and scanning
    bool remembered = false;           ///< the verdict came from the cache
    std::string signature;
    std::string client;
};

/// Numbers since the start.  Any thread.
class Stats {
public:
    static constexpr std::size_t last_kept = 10;
    static constexpr std::size_t max_clients = 10000;

    struct Last {
        Seconds when;
        std::string signature, client;
    };

    /// A copy of everything at one moment.
    struct Numbers {
        std::array<std::uint64_t, status_count> by_status{};
        std::array<std::uint64_t, action_count> by_action{};
        std::uint64_t messages = 0, skipped = 0, remembered = 0, bytes = 0;
        std::uint64_t split = 0;    ///< recipients asked to come again
        std::uint64_t notices = 0;  ///< sent
        std::chrono::microseconds time{}, longest{};
        std::vector<Last> last;  ///< infected ones, newest first
        /// Clients that sent most infected messages, most first.
        std::vector<std::pair<std::string, std::uint64_t>> top_clients;
    };

    void count(const Counted& message, Seconds now);
    void skipped();
    void split();
    void notice();
    Numbers numbers() const;

private:
    mutable std::mutex mutex_;
    Numbers numbers_;  ///< without last and top_clients
    std::deque<Last> last_;
    std::map<std::string, std::uint64_t> clients_;
};

/// As Prometheus reads it (text exposition format 0.0.4), with these gauges
/// beside the counters: name without `postern_virus_` -> value.  Pure.
std::string prometheus(
    const Stats::Numbers& numbers,
    const std::vector<std::pair<std::string, double>>& gauges);

}  // namespace policy::scan
