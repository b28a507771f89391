// The doctor's questions, one function each.  A function that asks a server
// gives up within its limit; none changes anything.
#pragma once

#include <span>
#include <string_view>

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"

namespace milters::doctor {

/// One question, by the name that its findings carry.
struct Check {
    std::string_view name;
    Findings (*look)(const Host& host);
};

/// Every check, in the order of the manual page.
std::span<const Check> checks();

/// Asks all of them.
Findings examine(const Host& host);

// INPUT_MAIL_FILTER: filters.cc, timeouts.cc
Findings filter_without_flag(const Host& host);
Findings filter_with_wrong_flag(const Host& host);
Findings filter_order(const Host& host);
Findings filter_timeout(const Host& host);
Findings inet_to_loopback(const Host& host);

}  // namespace milters::doctor
