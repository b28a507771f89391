// Patterns of addresses, logins and file names, as an administrator writes
// them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace policy::scan {

/// Whether `text` matches: `*` anything, `?` one octet, all else itself,
/// letters in either case.  Linear in practice, no backtracking beyond one *.
bool glob_match(std::string_view pattern, std::string_view text);

/// A glob, or after `re:` an extended regular expression (regex(7)) that the
/// whole text must match.  Letters in either case.  Immutable; any thread.
class Mask {
public:
    Mask(std::string text);  // NOLINT: lists of masks are written as strings
    Mask(const char* text) : Mask{std::string{text}} {}

    bool matches(std::string_view text) const;
    const std::string& text() const { return text_; }
    /// What is wrong with the regular expression; empty: nothing.  A wrong
    /// one matches nothing.
    const std::string& problem() const { return problem_; }

private:
    struct Regex;
    std::string text_;
    std::string problem_;
    std::shared_ptr<const Regex> regex_;
};

using Masks = std::vector<Mask>;

/// Whether any of `masks` matches; none of them: false.
bool any_match(const Masks& masks, std::string_view text);

}  // namespace policy::scan
