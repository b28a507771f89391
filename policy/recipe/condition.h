// One condition: its prefixes read, its pattern compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "policy/recipe/automaton.h"
#include "policy/recipe/message.h"

namespace policy::recipe {

/// A condition up to where its text is known before a message comes.
struct PreparedCondition {
    enum class Kind {
        pattern,  ///< search `pattern`
        larger,   ///< > size
        smaller,  ///< < size
        program,  ///< ? command
        expand,   ///< $ text: to be expanded, then read again
    };
    /// What is searched or measured.
    enum class Target { recipe, part, variable };

    Kind kind = Kind::pattern;
    bool negated = false;
    bool weighted = false;
    double weight = 0, exponent = 0;
    Target target = Target::recipe;
    Part part = Part::head;
    std::string variable;
    /// The text as the log shows it: prefixes gone, macros replaced.
    std::string text;
    std::shared_ptr<const Pattern> pattern;
};

/// Reads the prefixes of `text`, on top of what `so_far` has from before an
/// expansion.  Source: procmailrc(5), "Conditions".
PreparedCondition prepare(std::string text, bool case_matters,
                          PreparedCondition so_far = {});

}  // namespace policy::recipe
