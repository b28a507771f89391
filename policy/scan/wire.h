// What a scanner process and its client say to each other: one JSON object a
// packet.  Whatever comes from a scanner is read as a stranger's word.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// No packet is larger.
inline constexpr std::size_t max_packet = 160 * 1024;

/// `{"scan": 17, "deadline_ms": 120000, "parts": false, "all": false}`, with
/// the message as a file descriptor beside it.
struct ScanRequest {
    std::uint64_t id = 0;
    std::chrono::milliseconds deadline{};
    Want want{};
};

std::string write(const ScanRequest& request);
Result<ScanRequest> read_request(std::string_view packet);

/// `{"scan": 17, "findings": [["infected", "Eicar"]], "parts": [...],
/// "detail": "..."}`; before it as many `{"scan": 17, "more": [...]}` as a long
/// list of parts needs.
std::vector<std::string> write(std::uint64_t id, const Verdict& verdict);

/// Adds what the packet says to `verdict`; true if it is the last one.
/// Errc::format if it is not an answer to request `id`, or if there are more
/// parts than any list holds.  Names are cleaned.
Result<bool> read_answer(std::string_view packet, std::uint64_t id,
                         Verdict& verdict);

/// What the parent of the workers tells, beside handing over their sockets.
struct ScannerEvent {
    enum class Kind {
        ready,   ///< loaded and tested; `engine` is filled
        worker,  ///< a new worker; its socket comes along
        gone,    ///< a worker has ended; `text` says how
        failed,  ///< it will never be ready; `text` says why
    };
    Kind kind = Kind::failed;
    unsigned id = 0;  ///< of the worker
    int pid = 0;      ///< of the worker
    EngineInfo engine{};
    std::uint64_t memory = 0;  ///< bytes that the loaded set takes
    std::string text{};
};

std::string write(const ScannerEvent& event);
Result<ScannerEvent> read_event(std::string_view packet);

/// What a client asks of the parent: `{"kill": 3}`, the worker has overrun its
/// deadline; `{"kill": 0}`, no worker is to be replaced any more, since a new
/// scanner has taken over.
inline constexpr unsigned retire = 0;
std::string write_kill(unsigned worker);
Result<unsigned> read_kill(std::string_view packet);

}  // namespace policy::scan
