// What a scan found.  A scanner that could not look at everything says so: a
// status of its own, never `clean`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy::scan {

/// Outcome of a scan.
enum class ScanStatus {
    clean,       ///< everything was looked at, nothing was found
    infected,    ///< a signature matched
    suspicious,  ///< a heuristic alert, or a possibly unwanted application
    locked,      ///< encrypted, cannot be looked into; "protected" in text
    oversize,    ///< larger than what is given to the scanner at all
    limits,      ///< a limit of the scanner was hit: part of it is unseen
    error,       ///< the scanner failed: nothing is known
};

inline constexpr std::size_t status_count = 7;

/// "clean", "infected", "suspicious", "protected", "oversize", "limits",
/// "error": as in configuration, headers, logs and JSON.
const char* name_of(ScanStatus status);
std::optional<ScanStatus> parse_status(std::string_view text);

/// One thing that was found.
struct Finding {
    ScanStatus status;
    std::string signature;  ///< printable ASCII, or empty
    friend bool operator==(const Finding&, const Finding&) = default;
};

/// A file inside the message, as the engine saw it.
struct Part {
    std::string name;  ///< as the container has it; may be empty
    std::string type;  ///< the engine's word: "CL_TYPE_MSEXE"
    std::uint64_t size = 0;
    unsigned level = 0;  ///< 0 the message, 1 its parts, ...
    bool encrypted = false;
    std::string mime{};  ///< as the header of a part of a mail names it
};

/// What is asked of a scan beside the verdict.
struct Want {
    bool parts = false;  ///< list the files inside, too
    /// Every signature that matches, not the first alone: needed where a rule
    /// may forgive one of them.
    bool all_names = false;
};

/// The verdict on one message.  Several findings are possible: an encrypted
/// member beside a limit; the policy acts on the strictest.
struct Verdict {
    std::vector<Finding> findings{};  ///< most telling first; empty: clean
    std::vector<Part> parts{};        ///< if asked for
    std::string detail{};             ///< cause of `error`, for the log only
    std::string generation{};         ///< EngineInfo's, of what scanned it

    /// Status of the first finding, else clean.
    ScanStatus status() const;
    /// Signature of the first finding, else empty.
    const std::string& signature() const;
    bool clean() const { return findings.empty(); }

    /// Keeps `findings` in order of how telling they are: infected, error,
    /// limits, oversize, suspicious, protected; same findings once.
    void add(ScanStatus status, std::string_view signature);

    static Verdict error(std::string detail);
    static Verdict oversize();
};

/// What a name that libclamav gives stands for: `Heuristics.Limits.Exceeded.*`
/// limits, `Heuristics.Encrypted.*` locked, other `Heuristics.*`,
/// `BC.Heuristics.*` and `PUA.*` suspicious, all else infected.  Pure.
ScanStatus status_of_signature(std::string_view name);

/// Printable ASCII without blanks, at most 128 octets; others become `_`.
/// A name may come from a process that is not trusted.
std::string clean_signature(std::string_view name);

/// What a header and the log say of the engine that scanned.
struct EngineInfo {
    std::string name;            ///< "ClamAV"
    std::string version;         ///< "1.4.6"
    unsigned signatures = 0;     ///< how many are loaded
    unsigned base = 0;           ///< version of the official set, 0: none
    std::int64_t base_time = 0;  ///< seconds since 1970; when it was made,
                                 ///< or its newest file changed
    std::string generation;      ///< differs for every other set or setting
};

}  // namespace policy::scan
