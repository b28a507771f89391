// The headers that virus-milter writes.
#pragma once

#include <string>

#include "policy/clock.h"
#include "policy/scan/verdict.h"

namespace milters::virus {

/// `ClamAV 1.4.6/27345 (355000 signatures of 2026-11-21) at mx.example.org`.
/// Pure.
std::string scanned_value(const policy::scan::EngineInfo& engine,
                          const std::string& host);

/// As KavMilter wrote it: `Postern virus-milter 0.1.0, bases: 20261121 #355000,
/// check: 20261122 clean`; `not_checked` where the status says so.  Pure.
std::string anti_virus_value(const policy::scan::EngineInfo& engine,
                             const std::string& status, policy::Seconds now);

/// `[infected] Subject`; the subject may be missing.
std::string tagged_subject(const std::string& status,
                           const std::string& subject);

/// The body of a message that was stripped.
/// @param text  of the configuration, with %s for the status
std::string notice(const std::string& text, const std::string& status);

}  // namespace milters::virus
