// Runs the recipes of a message's recipients, each in his own name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "milters/filter/runtime.h"
#include "milters/milter/collecting.h"
#include "policy/filter/combine.h"
#include "policy/recipe/machine.h"

namespace milters::filter {

/// A message and where it comes from, complete.
struct Letter {
    explicit Letter(milter::Origin from)
        : origin{std::move(from)},
          sender{policy::filter::plain_address(origin.sender)}
    {
    }

    milter::Origin origin;
    std::string sender;              ///< without brackets; empty: null sender
    std::vector<std::string> rcpts;  ///< as the client wrote them
    /// What access.db says of each.
    policy::map::TagMap::Rulings access;
    std::shared_ptr<const policy::recipe::Message> message;
    std::uint64_t size = 0;  ///< bytes that came
};

/// What came of it.
struct Judgement {
    std::vector<policy::filter::Copy> copies;  ///< in the order of recipients
    /// formail -D: caches and ids to remember if the message is accepted.
    std::vector<std::pair<policy::filter::SeenCache, std::string>> seen;
};

/// Runs site, domain and user recipes for each recipient of whom access.db says
/// nothing.  Recipients whose
/// recipes are the same and ask for nothing of their own share one run.
/// Never throws for what is in the files; a failure is a tempfail of the
/// copies concerned.
Judgement judge(const Runtime& runtime, const Letter& letter);

}  // namespace milters::filter
