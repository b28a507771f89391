// What the rulesets of a sendmail.cf are made of: words of an address, and
// the signs that stand for something ($*, $#, $(...).  Source: Sendmail
// Installation and Operation Guide, section 5.1.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace policy::sendmail {

/// What a symbol does in a rule, or in an address on its way.
enum class Sign {
    word,          ///< itself
    any,           ///< $*: words, or none
    some,          ///< $+: words
    one,           ///< $-: a word
    none,          ///< $@ of a pattern: the end
    in_class,      ///< $=x
    not_in_class,  ///< $~x
    macro,         ///< $&x: its value when the rule is used
    matched,       ///< $1
    mailer,        ///< $#
    host,          ///< $@
    user,          ///< $:
    call,          ///< $>name
    host_begin,    ///< $[
    host_end,      ///< $]
    lookup_begin,  ///< $(
    lookup_end,    ///< $)
    separator,     ///< $|
};

struct Symbol {
    Sign sign = Sign::word;
    std::string text;  ///< the word; name of a class or macro; number of $1

    friend bool operator==(const Symbol&, const Symbol&) = default;
};

using Symbols = std::vector<Symbol>;
using SymbolSpan = std::span<const Symbol>;

/// One side of an R line, its macros expanded.
/// @param pattern  the left side, where $@ is the end of an address
Symbols rule_symbols(std::string_view text, bool pattern);

/// The words of an address, or of what a map says.  What is unbalanced is
/// mended, see tokenise().
Symbols words_of(std::string_view text);

/// Written back as one text with `blank` between two words that would grow
/// together.
std::string text_of(SymbolSpan symbols, char blank);

// All of these are pure.

}  // namespace policy::sendmail
