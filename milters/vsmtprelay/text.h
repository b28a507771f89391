// What vsmtprelay prints and reads.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/control/protocol.h"
#include "policy/clock.h"
#include "policy/relayers/store.h"

namespace milters::vsmtprelay {

/// `Tue Sep 22 22:15:27 1998`: UTC, as asctime(3), without newline.
std::string asctime_utc(policy::Seconds time);

/// `1998-09-22T22:15:27Z`
std::string iso_utc(policy::Seconds time);

/// The two lines of 1.1.0, which makemap reads back:
///
///     # timestamp (UTC): Tue Sep 22 22:15:27 1998
///     10.11.12.13 <tab> 906502527
std::string listing(const policy::relayers::Grant& grant);

/// The same for an entry that is no grant.  The time is what atoi(3) makes of
/// the value; without a number there the comment says so.  What makemap could
/// not read back becomes a comment as a whole.
std::string other_listing(std::string_view key, std::string_view value,
                          bool comment);

/// address, ticks, time and, where they are known, user, service, until,
/// reason and opener.
control::Json json_of(const policy::relayers::Grant& grant);

/// A line for `export`: JSON, or makemap text where JSON could not carry all of
/// it, as octets that are not UTF-8 or words of others.
std::string exported(const policy::relayers::Grant& grant);

/// The grants in what `dump` or `export` printed, or an administrator wrote:
/// makemap text and lines of JSON, also mixed.
/// @return Errc::parse `name:line: what` at the first line that is wrong, or
///         that names a network again
policy::Result<std::vector<policy::relayers::Grant>> read_entries(
    std::string_view text, const std::string& name);

/// `2h`, `1h30m`, `90s`, `7d`, `1w`: more than 0, in seconds.
std::optional<std::chrono::seconds> parse_length(std::string_view text);

}  // namespace milters::vsmtprelay
