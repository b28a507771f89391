#include "policy/recipe/automaton.h"

#include <re2/re2.h>

#include <algorithm>

#include "policy/recipe/limits.h"

namespace policy::recipe {

Pattern::Pattern(std::string text, bool fold)
    : text_{std::move(text)}, tree_{read_pattern(text_, fold)}
{
}

Pattern::~Pattern() = default;

const PatternProgram& Pattern::program() const
{
    std::call_once(compiled_, [this] { program_ = compile_pattern(tree_); });
    return program_;
}

/// The pattern in RE2's words.  RE2 takes bytes above 127 for UTF-8 where it
/// makes a text to look for first of the beginnings of alternatives, and then
/// finds nothing: a loop in front leaves it no such text.
std::string Pattern::translated() const
{
    const bool ascii =
        std::all_of(text_.begin(), text_.end(), [](char c) { return c >= 0; });
    return (ascii ? "" : "[\\x00-\\xff]*?") + to_re2(tree_);
}

const re2::RE2* Pattern::automaton() const
{
    std::call_once(asked_, [this] {
        RE2::Options options;
        options.set_encoding(RE2::Options::EncodingLatin1);
        options.set_log_errors(false);
        options.set_max_mem(static_cast<std::int64_t>(limits::automaton_bytes));
        auto made = std::make_unique<RE2>(translated(), options);
        if (made->ok())
            re2_ = std::move(made);
    });
    return re2_.get();
}

bool Pattern::has_automaton() const
{
    return !program().too_large && automaton() != nullptr;
}

bool Pattern::matches(const Area& area, const Way& way) const
{
    if (program().too_large)
        return false;
    if (way.lean || !automaton())
        return simulation(way.stop).first_end(area.text(), 0).has_value();
    const std::string_view text = area.padded();
    return RE2::PartialMatch(re2::StringPiece{text.data(), text.size()}, *re2_);
}

Found Pattern::with_mark(const Area& area, const Way& way) const
{
    // RE2 first: most messages do not match, and then it is much faster.
    if (!way.lean && automaton() && !matches(area, way))
        return {};
    Simulation run{program(), way.stop};
    if (way.lean && !run.first_end(area.text(), 0))
        return {};
    std::optional<Offset> end;
    return run.with_mark(area.text(), 0, end);
}

}  // namespace policy::recipe
