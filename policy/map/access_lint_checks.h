// The single checks of access_lint.cc, for its parts only.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "policy/map/access_lint.h"

namespace policy::map::lint {

/// An entry, folded and taken apart.
struct Entry {
    std::string tag;    ///< without colon; empty if untagged
    std::string rest;   ///< the key behind the tag
    std::string value;  ///< right-hand side, folded; without its comments
};

/// What a check has to say of an entry.
struct Trouble {
    Finding::Kind kind;
    std::string cause;
    std::string cure;
};
using Check = std::optional<Trouble> (*)(const Entry&, const LintOptions&);

/// What may be wrong with a key, with the value of an action on mail, and with
/// that of a tag.
std::span<const Check> key_checks();
std::span<const Check> value_checks();
std::span<const Check> tag_checks();

/// The first of ( ) < > " that has no partner outside of quotes, which makes
/// sendmail refuse to read the text; NUL if there is none.  Source: sendmail's
/// parseaddr.c, its comments on address tokens.
char unbalanced(std::string_view text);

/// REQUIRES unbalanced(text) == '\0'.
std::string without_comments(std::string_view text);

/// Tags whose right-hand side is an action on mail.
inline constexpr std::array action_tags{"", "connect", "from", "to", "spam"};

/// Whether a list of words has the word.
template <class List>
bool among(const List& list, std::string_view word)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

inline bool all_digits(std::string_view s)
{
    return !s.empty() && std::all_of(s.begin(), s.end(), is_digit);
}

inline bool starts(std::string_view s, std::string_view with)
{
    return s.substr(0, with.size()) == with;
}

}  // namespace policy::map::lint
