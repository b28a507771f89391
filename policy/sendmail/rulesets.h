// The rulesets of a sendmail.cf, ready to be applied.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sendmail/cf.h"
#include "policy/sendmail/macros.h"
#include "policy/sendmail/symbols.h"

namespace policy::sendmail {

/// One R line.
struct Rule {
    int line = 0;
    Symbols pattern;
    Symbols replacement;
};

using Ruleset = std::vector<Rule>;

/// All S and R lines.  Immutable.
class Rulesets {
public:
    Rulesets(const Cf& cf, const Macros& macros);

    /// By name or number; null where there is none, or it has no rules.
    const Ruleset* find(std::string_view name) const;

private:
    std::map<std::string, Ruleset> sets_;
    std::map<std::string, std::string> numbers_;  ///< `3` -> `canonify`
};

/// Symbols `[first, first + count)` that a sign of a pattern stands for.
struct Matched {
    std::size_t first;
    std::size_t count;
};

/// What a pattern asks of the world.
struct MatchWorld {
    /// Whether a text of one or more words is in a class.
    std::function<bool(const std::string& text, const std::string& name)>
        in_class;
    std::function<std::string(const std::string& name)> macro;
};

/// What $1, $2, ... are where the pattern fits all of `symbols`: each as
/// short as can be, the first ones first.  nullopt if it does not fit.
std::optional<std::vector<Matched>> match(SymbolSpan pattern,
                                          SymbolSpan symbols,
                                          const MatchWorld& world);

}  // namespace policy::sendmail
