// From a configuration to a Runtime: opens what it names.
#pragma once

#include <functional>
#include <memory>

#include "milters/relay/runtime.h"
#include "policy/config/config.h"

namespace milters::relay {

/// Either `runtime`, or every problem, with file:line where one is known.
struct Assembled {
    std::shared_ptr<const Runtime> runtime;
    policy::config::Problems problems;
};

/// What lives longer than one configuration.
struct Given {
    /// Called last, and only if nothing else is wrong, since opening a store
    /// makes files.  May give null: no grants.
    std::function<policy::Result<std::shared_ptr<policy::relayers::Store>>()>
        store;
    policy::Log* log = nullptr;
    bool test_mode = false;
    /// Decide as sendmail does: guard.h does not count.
    bool unguarded = false;
};

/// Reads class files and maps once, to know that they can be read: a map that
/// is a foreign file or unreadable is a problem now, not at the first mail.
///
/// The milter asks no DNS about senders: sendmail has done so before it asks
/// the milter, and refuses by its own rules (so does Postfix, by
/// reject_unknown_sender_domain).  Every sender domain counts as resolved.
Assembled assemble(std::shared_ptr<const policy::config::Config> config,
                   const Given& given);

}  // namespace milters::relay
