// Answers the commands of the control socket.  relay-milter calls it for what
// comes through the socket and vsmtprelay for what it does on a file itself,
// so that both say the same.
//
//   add      address; ticks, user, service, for, until, reason (optional)
//   delete   addresses
//   show     address: all grants that cover it, the narrowest first
//   list     minutes, newer, user (optional); pages as dump
//   dump     every grant, pins too; after (optional): those behind that one.
//            `next` in the answer: there may be more, to be asked for with
//            `after`.  Without it: `others`, the entries of the file that are
//            no grants, each as key and value in percent encoding
//   expire   minutes, dry_run (optional): what `list` with the same minutes
//            shows
//   import   entries
//   export   as dump, without `others`
//   stats
//   verify   repair (optional)
//   watch    after: events above that number; without: where to begin
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "milters/control/feed.h"
#include "milters/control/protocol.h"
#include "policy/clock.h"
#include "policy/relayers/store.h"

namespace milters::control {

/// What answers are made of.
struct Service {
    policy::relayers::Store& store;
    policy::Clock clock = policy::system_now;
    std::chrono::seconds window{1800};
    const Feed* feed = nullptr;  ///< null: nothing to watch
    /// Of grants that `list`, `dump` and `export` look at for one answer.
    std::size_t page = std::numeric_limits<std::size_t>::max();
    /// Asked first; nullopt: not one of its commands.
    std::function<std::optional<Json>(const Json& request)> others{};
};

/// Whether `list` and `expire` with these minutes select a grant: its login
/// is that old (any that is not in the future, for 0) and no end of its own is
/// to come, or its own end has passed.  For 0 an own end does not spare it.
/// Pure.  Source: the handbook of vsmtprelay 1.1.0.
bool selected(const policy::relayers::Grant& grant, policy::Seconds now,
              std::chrono::minutes minutes);

/// The answer to a request: `ok` true and what the command gives, or `ok`
/// false with `exit` and `error`.  Depends on nothing but its arguments, and
/// changes nothing but the store.
Json handle(const Json& request, const Service& service);

/// The same from line to line; what is no JSON object gets exit 64.
std::string answer(std::string_view line, const Service& service);

}  // namespace milters::control
