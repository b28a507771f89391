// How an MTA asks milters, and what that means for them.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "milters/doctor/host.h"

namespace milters::doctor {

/// FEATURE(`postern') leaves the MTA so much more than a milter takes.
inline constexpr std::chrono::seconds time_margin{60};

/// The longest that a milter may take over a message, and the setting.
struct Limit {
    const char* setting;
    policy::config::Milliseconds time;
};

std::vector<Limit> limits_of(const Site& site, Milter milter);

/// `90s`, rounded up.
std::string in_seconds(policy::config::Milliseconds time);

/// Whether a connection to it stays on this host: loopback, an address of its
/// own, or its name.
bool is_this_host(const std::string& host);

/// A milter as the MTA calls it.
struct Called {
    std::string name;
    Milter milter;
};

/// Those that come too late in the order relay, virus, filter, each with one
/// that it should come before.  Others may stand anywhere.  Pure.
std::vector<std::pair<std::string, std::string>> misplaced(
    const std::vector<Called>& filters);

inline constexpr const char* right_order =
    "name them in the order relay, virus, filter: what may not be relayed is "
    "refused before it is scanned, and recipes judge what is clean";

}  // namespace milters::doctor
