// A compiled pattern: match or no match by RE2, and where RE2 has no exact
// answer (the end of the earliest match, the text behind \/) by simulation.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/pattern.h"
#include "policy/recipe/search.h"

namespace re2 {
class RE2;
}

namespace policy::recipe {

/// A text to search, with the two virtual newlines around it.
class Area {
public:
    Area() : padded_{"\n\n"} {}
    explicit Area(std::string_view text)
    {
        padded_.reserve(text.size() + 2);
        padded_ += '\n';
        padded_ += text;
        padded_ += '\n';
    }
    std::string_view text() const
    {
        return std::string_view{padded_}.substr(1, padded_.size() - 2);
    }
    std::string_view padded() const { return padded_; }

private:
    std::string padded_;
};

/// Immutable after construction; any thread may search with it.
class Pattern {
public:
    /// @param fold  upper and lower case ASCII letters are the same
    Pattern(std::string text, bool fold);
    ~Pattern();
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;

    const std::string& text() const { return text_; }
    const PatternTree& tree() const { return tree_; }
    bool invalid() const { return tree_.bad_groups || program().too_large; }
    /// An empty pattern matches everywhere.
    bool empty() const { return text_.empty(); }

    /// How a search is done.
    struct Way {
        /// Whether to give up; null: never.  A search by automaton does not
        /// ask, but is done soon.
        const Stop* stop = nullptr;
        bool lean = false;  ///< by simulation alone, which keeps no memory
    };
    bool matches(const Area& area, const Way& way) const;
    bool matches(const Area& area) const { return matches(area, Way{}); }
    Found with_mark(const Area& area, const Way& way) const;
    Found with_mark(const Area& area) const { return with_mark(area, Way{}); }
    /// Whether an automaton of limits::automaton_bytes holds it.
    bool has_automaton() const;
    /// For repeated searches: see Simulation::first_end.
    Simulation simulation(const Stop* stop = nullptr) const
    {
        return Simulation{program(), stop};
    }

    bool right_sides_fit(const Area& area) const
    {
        return RightSides::fit(program(), area.text());
    }
    RightSides right_sides(const Area& area, const Stop* stop) const
    {
        return RightSides{program(), area.text(), stop ? *stop : Stop{}};
    }

private:
    const PatternProgram& program() const;
    std::string translated() const;
    const re2::RE2* automaton() const;

    std::string text_;
    PatternTree tree_;
    mutable std::once_flag compiled_, asked_;
    mutable PatternProgram program_;
    mutable std::unique_ptr<re2::RE2> re2_;
};

}  // namespace policy::recipe
