// What a session needs of the configuration in force, in one const object.
#pragma once

#include <memory>

#include "milters/current.h"
#include "policy/config/config.h"
#include "policy/log.h"
#include "policy/relay/policy.h"

namespace milters::relay {

/// Made whole at start and at each reload; sessions keep theirs.
struct Runtime {
    std::shared_ptr<const policy::config::Config> config;
    policy::relay::Settings settings;
    policy::relay::World world;
    std::shared_ptr<const policy::relay::Policy> policy;
    policy::Log* log = nullptr;
    bool test_mode = false;
    /// Whether a decision may wait for another process (Redis, accounts).
    bool may_wait = false;
};

using Current = milters::Current<Runtime>;

}  // namespace milters::relay
