// The shell-like text of procmailrc(5): quotes, backslashes, comments and
// variables, in assignments, on the line of a recipe and in actions.  One
// reader serves both the parser, which only wants to know where the text ends
// and what is in it, and the evaluator, which wants its value.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/limits.h"

namespace policy::recipe {

/// How a text is cut into words.
enum class Words {
    split,  ///< like sh: recipe lines, folders, forwards
    first,  ///< up to the first unquoted blank: assignments
    whole,  ///< blanks become one blank: conditions
};

/// Value of `name`, nullopt if it is not set.  Names are identifiers, one
/// digit, or one of the special characters = ? $ # _ -.
using Lookup =
    std::function<std::optional<std::string_view>(std::string_view name)>;

/// Output of the command of a pair of backquotes, `room` bytes at most.
using Commands =
    std::function<std::string(std::string_view command, std::size_t room)>;

/// What a reading found.
struct Expansion {
    std::string text;             ///< words, each ended by NUL
    std::size_t used = 0;         ///< bytes of the source, newline included
    bool overflow = false;        ///< longer than the limit; text is useless
    bool unexpected_end = false;  ///< the source ended inside quotes
    std::vector<std::string> commands;  ///< in backquotes
    bool all_arguments = false;         ///< "$@"
    bool variables = false;             ///< the text depends on variables
    std::vector<std::string> bad_substitutions;  ///< names of ${NAME!...}

    /// First word, "" if there is none.
    std::string_view first() const;
    /// All words; at least one.
    std::vector<std::string> words() const;
};

/// Reads one text from the start of `source`.
///
/// @param source    rc text that begins where the text does; what follows it
///                  is not looked at
/// @param words     how it is cut
/// @param lookup    variables; an empty function makes all of them unset
/// @param limit     LINEBUF less what is already in the line
/// @param in_quotes true: begins inside double quotes (`$` conditions)
/// @param commands  runs what is in backquotes; empty: they yield nothing
/// Pure but for `lookup` and `commands`.  Source: procmailrc(5),
/// "Miscellaneous"; sh(1).
Expansion expand(std::string_view source, Words words, const Lookup& lookup,
                 std::size_t limit = limits::line_default,
                 bool in_quotes = false, const Commands& commands = {});

/// True for bytes that may begin a name, and for those that may go on in one.
bool begins_name(char c);
bool in_name(char c);

}  // namespace policy::recipe
