// The process that starts programs.
#pragma once

#include <optional>

#include "milters/milter/process.h"

namespace milters::filter {

/// Exit codes for what a shell would report so.
inline constexpr int not_started = 127;
inline constexpr int by_signal = 128;

/// Its life: serves requests, each in a process of its own, until the other
/// end of `socket` is closed.
/// @param account  who programs run as; nullopt: as it runs
[[noreturn]] void start_programs(int socket,
                                 const std::optional<milter::Account>& account);

}  // namespace milters::filter
