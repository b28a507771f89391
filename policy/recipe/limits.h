// Hard limits of the recipe engine.  A rc file or message that passes one gets
// an answer that is written beside it; none of them can be set from a rc file.
#pragma once

#include <cstddef>

namespace policy::recipe::limits {

/// Bytes of one rc file; longer: refused at load.
inline constexpr std::size_t rc_bytes = std::size_t{4} << 20;
/// Recipes of one rc file; more: refused at load.
inline constexpr std::size_t recipes = 20'000;
/// Blocks inside blocks; deeper: refused at load.
inline constexpr std::size_t nesting = 64;
/// Conditions of one recipe; more: refused at load.
inline constexpr std::size_t conditions = 256;
/// rc files open at once (INCLUDERC inside INCLUDERC); the next is not read.
inline constexpr std::size_t includes = 16;
/// rc files read for one message, SWITCHRC too; the next is not read.
inline constexpr std::size_t files_a_message = 64;
/// Statements run for one message, over all clones; then the run stops with
/// an error, which the milter answers with 451.
inline constexpr std::size_t steps_a_message = 200'000;
/// Clones of one message (c on a block); the next block runs no clone.
inline constexpr std::size_t clones = 16;
/// procmail's LINEBUF: bytes of an expanded line, name and = included.
inline constexpr std::size_t line_default = 2048;
/// Least and greatest LINEBUF that an assignment can set.
inline constexpr std::size_t line_min = 128;
inline constexpr std::size_t line_max = std::size_t{64} << 10;
/// Variables of a run, and the sum of their bytes; beyond, the assignment is
/// dropped as one that is too long is.
inline constexpr std::size_t variables = 2048;
inline constexpr std::size_t variable_bytes = std::size_t{4} << 20;
/// Instructions of one compiled pattern; more: the pattern is invalid.
inline constexpr std::size_t pattern_size = 8192;
/// Groups inside groups of one pattern; deeper: the pattern is invalid.
inline constexpr std::size_t pattern_depth = 200;
/// Bytes of memory for the automaton of one pattern (RE2's max_mem).
inline constexpr std::size_t automaton_bytes = std::size_t{8} << 20;
/// Bytes of the states that one search remembers; then it forgets them.
inline constexpr std::size_t state_bytes = std::size_t{1} << 20;
/// Instructions of a pattern, and bytes of an area, for which the ends behind
/// \/ are found in advance; beyond, each match looks for its own.
inline constexpr std::size_t right_side_code = 256;
inline constexpr std::size_t right_side_area = std::size_t{8} << 20;
/// Bytes of the rc file of a user; longer: refused at load.
inline constexpr std::size_t user_rc_bytes = std::size_t{256} << 10;
/// Bytes that a program may write; more: it is killed and has failed.
inline constexpr std::size_t program_output = std::size_t{64} << 20;
/// Recipients that one run may add with forward actions.
inline constexpr std::size_t forwards = 50;

}  // namespace policy::recipe::limits
