// Time stamps at the start of log lines.
#pragma once

#include <optional>
#include <string_view>

#include "policy/clock.h"

namespace milters::login {

/// A stamp that was found, and how many octets it takes.
struct Stamp {
    policy::Seconds time{};
    std::size_t size = 0;
};

/// Reads a stamp at the start of `text`: `Nov  1 09:08:07` as syslog and
/// Dovecot write it, `2026-11-01 09:08:07` or `2026-11-01T09:08:07`, these two
/// also with a fraction and a zone (`Z`, `+01:00`, `+0100`).  Without a zone
/// it is local time.  A stamp without a year gets the year that brings it
/// nearest before `now`, but at most one day after it.  nullopt if there is
/// none, or no such day.
std::optional<Stamp> read_stamp(std::string_view text, policy::Seconds now);

}  // namespace milters::login
