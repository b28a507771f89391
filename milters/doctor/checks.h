// The doctor's questions, one function each.  A function that asks a server
// gives up within its limit; none changes anything.
#pragma once

#include <span>
#include <string_view>

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"

namespace milters::doctor {

/// One question.
struct Check {
    /// What its findings are called, divided by blanks: the first, where a
    /// finding has no name of its own.
    std::string_view names;
    Findings (*look)(const Host& host);
};

/// Every check, in the order of the manual page.
std::span<const Check> checks();

/// Asks all of them.
Findings examine(const Host& host);

// What INPUT_MAIL_FILTER lines say: filters.cc
Findings filter_without_flag(const Host& host);
Findings filter_with_wrong_flag(const Host& host);
Findings filter_order(const Host& host);
Findings filter_timeout(const Host& host);
Findings inet_to_loopback(const Host& host);

// Whether servers answer: servers.cc
Findings socket_out_of_reach(const Host& host);
Findings silent_milter(const Host& host);
/// Named saslauthd-down or saslauthd-hung.
Findings saslauthd(const Host& host);

// Maps and other files: maps.cc, paths.cc
Findings stale_map(const Host& host);
Findings unreadable_map(const Host& host);
Findings missing_optional_map(const Host& host);
Findings world_writable_path(const Host& host);

// Who may send: relaying.cc, submission.cc
Findings open_relay(const Host& host);
Findings promiscuous_relay(const Host& host);
Findings plain_without_tls(const Host& host);
Findings submission_bypass(const Host& host);

// What grows old, and what waits: upkeep.cc
Findings host_name(const Host& host);
Findings old_signatures(const Host& host);
Findings no_expire(const Host& host);

}  // namespace milters::doctor
