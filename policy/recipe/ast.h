// A rc file as it was read: statements with their lines, nothing expanded.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace policy::recipe {

/// The letters of a recipe's first line.
struct Flags {
    bool head = false;           ///< H
    bool body = false;           ///< B
    bool case_matters = false;   ///< D
    bool and_also = false;       ///< A
    bool and_if_done = false;    ///< a
    bool or_else = false;        ///< E
    bool on_error = false;       ///< e
    bool pass_head = false;      ///< h
    bool pass_body = false;      ///< b
    bool filter = false;         ///< f
    bool copy = false;           ///< c
    bool wait = false;           ///< w
    bool wait_quiet = false;     ///< W
    bool ignore_errors = false;  ///< i
    bool raw = false;            ///< r
    bool decoded = false;        ///< U, unknown to procmail: see decode.h

    /// Sets the member of a letter; false if there is none.
    bool set(char letter);
    /// The result of an earlier recipe decides too.
    bool chained() const
    {
        return and_also || and_if_done || or_else || on_error;
    }
};

/// `:0 flags : lock`
struct Head {
    std::string text;     ///< after the number, as written, comments and all
    std::string letters;  ///< flags as written, up to the first other letter
    Flags flags;
    std::string rest;        ///< what follows the flags and is no lock
    bool lock = false;       ///< a second colon
    bool variables = false;  ///< or quotes: the text must be expanded
};

struct Condition {
    std::size_t line = 0;
    std::string text;  ///< without star and blanks around, continuations kept
    std::size_t size = 0;  ///< in the file, with blanks behind it
};

enum class ActionKind { folder, forward, pipe, capture, block };

struct Action {
    ActionKind kind = ActionKind::folder;
    std::size_t line = 0;
    std::string text;  ///< after ! | {; a folder line whole
    std::string name;  ///< capture: the variable
};

struct Recipe {
    std::size_t line = 0;  ///< of the colon
    Head head;
    std::vector<Condition> conditions;
    Action action;
};

/// NAME=value, or NAME alone.
struct Assignment {
    std::size_t line = 0;
    std::string name;
    std::optional<std::string> text;  ///< nullopt: unset
};

struct CloseBrace {
    std::size_t line = 0;
};

using Statement = std::variant<Recipe, Assignment, CloseBrace>;

/// One thing to tell the person who wrote the file.
struct Problem {
    std::size_t line = 0;
    std::string text;
    bool fatal = true;  ///< false: a warning, the file is used
};

/// One file, in the order of its lines.
struct RcFile {
    std::string name;
    std::vector<Statement> statements;
    std::vector<Problem> problems;

    bool usable() const;
};

}  // namespace policy::recipe
