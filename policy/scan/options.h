// What an engine is to load and how hard it looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace policy::scan {

/// Bounds of one scan; libclamav's own defaults.  Hitting one is the status
/// `limits`, never `clean`.
struct Limits {
    std::uint64_t scan_size = 400ULL << 20;  ///< bytes unpacked in all
    std::uint64_t file_size = 100ULL << 20;  ///< bytes of one file
    unsigned recursion = 17;
    unsigned files = 10000;
    std::chrono::milliseconds scan_time{120000};
};

/// What is reported beside signatures.
struct Detect {
    bool pua = false;       ///< load PUA signatures
    bool encrypted = true;  ///< encrypted archives and documents: protected
    bool macros = false;    ///< any VBA macro is suspicious
    bool broken = false;    ///< broken executables and media are suspicious
    bool phishing = true;   ///< phishing signatures and URL checks
};

/// For clamav.h's Engine; crosses to the scanner process on its command line.
struct EngineOptions {
    std::string database;  ///< folder of signatures, or one file
    Limits limits{};
    Detect detect{};
    /// Entries of the cache of clean parts; 0: none.
    unsigned part_cache = 65536;
};

}  // namespace policy::scan
