// What stands round an address: angle brackets, `group:`, source routes.
// Source: ruleset canonify (3) of proto.m4.
#pragma once

#include "policy/tokens.h"

namespace policy::relay {

/// Leaves out `group:` where there are no angle brackets, and `;` at the end.
void strip_group(Tokens& t);

/// Where `list:;` stands between the first angle bracket that holds one and
/// the next: the tokens of `list`.
TokenSpan empty_list(TokenSpan t);

/// What stands in the innermost angle brackets, of several in the last.
void strip_brackets(Tokens& t);

/// `@a,@b:user@host` becomes user@host.
void strip_route(Tokens& t);

}  // namespace policy::relay
