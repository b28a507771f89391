// Applies rulesets to addresses, as sendmail does.  Source: Sendmail
// Installation and Operation Guide, section 5.1; parseaddr.c of sendmail.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "policy/result.h"
#include "policy/sendmail/lookups.h"
#include "policy/sendmail/macros.h"
#include "policy/sendmail/rulesets.h"
#include "policy/sendmail/symbols.h"

namespace policy::sendmail {

/// The words of classes, by their names without braces: `w`, `VirtHost`.
/// Words are in small letters.
using Classes = std::map<std::string, std::set<std::string>, std::less<>>;

/// Rewrites by one sendmail.cf.  Macros that rules set stay set.  Not for use
/// by two threads.
class Rewriter {
public:
    /// All of these are kept by reference.
    Rewriter(const Rulesets& rulesets, const Classes& classes,
             const Lookups& lookups, Macros& macros, char blank);

    /// What becomes of an address in a ruleset; one that has no rules leaves
    /// it.  An error where a map fails; Errc::parse where rules call each
    /// other, or apply again, without an end.
    Result<Symbols> apply(std::string_view ruleset, Symbols address) const
    {
        return apply(ruleset, std::move(address), 0);
    }

    /// As one text, words parted as BlankSub says.
    std::string text(SymbolSpan symbols) const
    {
        return text_of(symbols, blank_);
    }

private:
    Result<Symbols> apply(std::string_view ruleset, Symbols address,
                          int depth) const;
    Symbols substituted(SymbolSpan right, const Symbols& address,
                        const std::vector<Matched>& matched) const;
    Result<Symbols> looked_up(const Symbols& symbols) const;
    Result<Symbols> answer(SymbolSpan question, bool host) const;
    Result<Symbols> called(Symbols symbols, int depth) const;

    const Rulesets& rulesets_;
    const Lookups& lookups_;
    Macros& macros_;
    char blank_;
    MatchWorld world_;
};

}  // namespace policy::sendmail
