// From postern.yaml to a scanner.
#pragma once

#include <memory>

#include "milters/scanner/clamd.h"
#include "milters/scanner/pool.h"
#include "policy/config/config.h"

namespace milters::scanner {

/// How virus-scanner is to be started for this configuration.
Command command_for(const policy::config::Virus& virus);

/// Settings of the pool; `log` is left to the caller.
PoolOptions pool_options(const policy::config::Virus& virus);

/// The same for `engine: clamd`.
ClamdOptions clamd_options(
    const policy::config::Virus& virus,
    std::function<void(bool alarm, const std::string&)> log);

}  // namespace milters::scanner
