// What scans messages: sandboxed workers on this host, or a pool of clamd.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "policy/scan/verdict.h"

namespace policy::scan {

/// One message to be scanned.
struct ScanJob {
    int fd = -1;             ///< the whole message; read from its beginning
    std::uint64_t size = 0;  ///< bytes of it
    Want want{};
    bool urgent = false;  ///< goes before others that wait
    /// When the caller must answer, however long the scanner itself would take.
    std::chrono::steady_clock::time_point until =
        std::chrono::steady_clock::time_point::max();
};

/// Safe to call from many threads; the caller waits.
class Scanner {
public:
    virtual ~Scanner() = default;

    /// Scans, within the scanner's own deadline and that of the job.  Whatever
    /// goes wrong is the status `error`.
    /// @param tick  called about once a second while the message waits or is
    ///              scanned, by the calling thread
    virtual Verdict scan(const ScanJob& job,
                         const std::function<void()>& tick) = 0;

    /// The engine now in force; `generation` is empty if there is none yet.
    virtual EngineInfo info() const = 0;
};

}  // namespace policy::scan
