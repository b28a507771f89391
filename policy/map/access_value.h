// What a right-hand side of access.db says: accept, a reply, discard or
// quarantine.  Source: cf/README, "Anti-spam configuration control"; sendmail
// parseaddr.c for how a reply is made of it.
#pragma once

#include <string>
#include <string_view>

#include "policy/decision.h"
#include "policy/tokens.h"

namespace policy::map {

/// Meaning of a right-hand side where an action is expected.
struct Ruling {
    enum class Kind {
        accept,      ///< OK or RELAY
        reject,      ///< REJECT: the stage has its own text
        discard,     ///< DISCARD
        quarantine,  ///< QUARANTINE:reason, in reply.text
        reply,       ///< ERROR:..., a reply code and text, or anything else
    };
    Kind kind;
    Reply reply{};
};

/// Reads a right-hand side.
/// @param value  the right-hand side in tokens, not empty
/// @param rest   what stands behind `<value>` in the ruleset's workspace: an
///               empty text, as in `ERROR:`, takes part of it
/// @param delimited  whether the rulesets ask for `<value> <rest>`, as
///               check_relay does, or for `<value> rest`
Ruling ruling_of(TokenSpan value, TokenSpan rest, bool delimited,
                 Memory* memory);

/// The reply that `$#error $@ dsn $: text` gives: a text that starts with a
/// code [245]nn and a blank has that code, and an enhanced code after it wins
/// over `dsn`; any other text is 553 5.3.0.
/// @param dsn  D.S.N, or anything else, which then does not count
Reply error_reply(std::string_view dsn, TokenSpan text);
Reply error_reply(std::string_view dsn, std::string_view text);

}  // namespace policy::map
