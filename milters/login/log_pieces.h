// The inside of a LogPattern: its pieces, cut and checked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/result.h"

namespace milters::login {

/// What a piece of a pattern is; see log_pattern.h.
enum class Kind {
    literal,
    one_of,
    optional,
    stamp,
    host,
    pid,
    service,
    user,
    ip,
    ip4,
    name,
    word,
    method,
    digits,
    label,
    more,
    path,
    json,
};

struct Piece {
    Kind kind = Kind::literal;
    /// literal: its text; one_of: the words, longest first.
    std::vector<std::string> words{};
    /// optional: what may be missing.
    std::vector<Piece> inner{};
};

/// The kind of field that {name} is; nullopt for an unknown name.
std::optional<Kind> kind_of(std::string_view name);

/// Whether a field of this kind may hold `c`.  False for all kinds that do
/// not take as many octets as they can.
bool holds(Kind kind, char c);

/// Whether a field takes as many octets as it can hold.
bool is_greedy(Kind kind);

/// Whether `c` may stand in an element of {more}.
bool in_element(char c);

/// A pattern without optional parts, ready to match.
struct Variant {
    std::vector<Piece> left;  ///< up to {user}, or all of it
    bool has_user = false;
    std::vector<Piece> right;  ///< after {user}
};

/// Cuts a pattern into pieces, {syslog} expanded.
policy::Result<std::vector<Piece>> cut(std::string_view pattern);

/// All ways to leave optional parts out, the fullest first; each checked to
/// be unambiguous.
policy::Result<std::vector<Variant>> variants(const std::vector<Piece>& pieces);

}  // namespace milters::login
