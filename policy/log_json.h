// The line of a decision in the decision log, for programs.
#pragma once

#include <optional>
#include <string>

#include "policy/clock.h"
#include "policy/decision.h"

namespace policy {

/// What was judged, beside the decision itself.  Empty members are left out.
struct Judged {
    Seconds when{};
    std::string id;        ///< our own, one per connection: always there
    std::string queue_id;  ///< the MTA's, where it is known
    std::string program;   ///< "relay-milter"
    std::string client_addr, client_name, client_resolve, helo;
    std::string auth_type, auth_user;
    std::string from, rcpt;
    bool test = false;  ///< test mode: nothing was done about it
};

/// One JSON object without newline:
///
///     {"time":"2026-11-21T22:25:50Z","id":"...","queue_id":"...",
///      "program":"relay-milter","stage":"rcpt","verdict":"reject",
///      "code":550,"enhanced":"5.7.1","text":"Relaying denied","relay":false,
///      "client":{"addr":"...","name":"...","resolve":"FAIL","helo":"..."},
///      "auth":{"type":"...","user":"..."},"from":"<...>","rcpt":"<...>",
///      "why":{"policy":"relay","rule":"...","source":"...","key":"...",
///             "value":"..."},
///      "trace":[...]}
///
/// Bytes that are not UTF-8 become U+FFFD.  Pure.
std::string decision_json(const Decision& decision, const Judged& judged);

}  // namespace policy
