// Runs the recipes of a message's recipients, each in his own name.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "milters/filter/runtime.h"
#include "policy/filter/combine.h"
#include "policy/recipe/machine.h"

namespace milters::filter {

/// A message and where it comes from, complete.
struct Letter {
    std::string sender;              ///< without brackets; empty: null sender
    std::vector<std::string> rcpts;  ///< as the client wrote them
    std::string client_addr, client_name, helo, auth_user, queue_id;
    std::shared_ptr<const policy::recipe::Message> message;
};

/// What came of it.
struct Judgement {
    std::vector<policy::filter::Copy> copies;  ///< in the order of recipients
    /// formail -D: caches and ids to remember if the message is accepted.
    std::vector<std::pair<std::string, std::string>> seen;
};

/// Runs site, domain and user recipes for each recipient.  Recipients whose
/// recipes are the same and ask for nothing of their own share one run.
/// Never throws for what is in the files; a failure is a tempfail of the
/// copies concerned.
Judgement judge(const Runtime& runtime, const Letter& letter);

}  // namespace milters::filter
