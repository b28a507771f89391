// procmail's regular expressions: text -> tree -> program.
//
// The text searched is always newline + area + newline.  ^ and $ are one
// newline character each and use it up, ^^ is the first of the virtual
// newlines or, as the very last element, the point behind the area.
// Source: procmailrc(5), "Extended regular expressions".
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace policy::recipe {

using ByteSet = std::bitset<256>;

/// One piece of a pattern.
struct PatternNode {
    enum class Kind {
        bytes,     ///< one byte of `set`
        sequence,  ///< children one after the other; none: empty
        choice,    ///< one of the children
        star,      ///< child 0 any number of times
        plus,      ///< once or more
        optional,  ///< once or not at all
        anchor,    ///< ^^
        mark,      ///< \/
    };
    Kind kind = Kind::sequence;
    ByteSet set;
    std::vector<PatternNode> children;
};

/// A tree and what is wrong with it.  A pattern with an error is still used,
/// as procmail does at run time; at load it is refused.
struct PatternTree {
    PatternNode root;
    bool bad_groups = false;     ///< a group without end, or an end too many
    bool too_large = false;      ///< beyond limits: matches nothing
    bool repeated_mark = false;  ///< \/ followed by * + or ?
    bool marks = false;          ///< has a \/
};

/// Reads a pattern.  `fold`: upper and lower case ASCII letters are the same.
PatternTree read_pattern(std::string_view text, bool fold);

struct Instruction {
    enum class Op : std::uint8_t {
        bytes,   ///< consume a byte of sets[a], go on
        split,   ///< go on at a and at b
        jump,    ///< go on at a
        begin,   ///< consume the virtual first newline
        finish,  ///< zero-width behind the area; in front of it, as begin
        mark,    ///< \/
        match,
    };
    Op op;
    std::uint32_t a = 0, b = 0;
};

/// What the simulation runs.  Immutable.
struct PatternProgram {
    std::vector<Instruction> code;
    std::vector<ByteSet> sets;
    ByteSet first;       ///< bytes that can begin a match
    bool eager = false;  ///< can match, mark or end before any byte
    bool too_large = false;
};

PatternProgram compile_pattern(const PatternTree& tree);

/// The same in RE2's syntax, for text with both virtual newlines, Latin-1.
/// Exact for match or no match; \/ vanishes.
std::string to_re2(const PatternTree& tree);

/// Strings, in lower case, one of which is in every text that matches; empty
/// if there are none of at least `least` bytes.  Virtual newlines count.
std::vector<std::string> needed_strings(const PatternTree& tree,
                                        std::size_t least);

}  // namespace policy::recipe
