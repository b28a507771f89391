// rc text -> statements.  Source: procmailrc(5), "Rcfile format".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/ast.h"

namespace policy::recipe {

/// Reads a whole rc file.  CRLF line ends count as LF.
///
/// Where procmail goes on with something that nobody meant (a condition
/// without star becomes a folder, a block on the line of its recipe is lost),
/// the file gets a fatal problem.  All problems are found, not only the first.
/// @param name  for messages and for the trace of included files
/// @param programs  absolute paths that backquotes may start
/// Pure.
RcFile parse(std::string_view text, std::string name,
             const std::vector<std::string>& programs = {});

/// Flags, number and lock of `:0 ...` from the text after the colon.
/// `number` is -1 if there is none.
/// @param own_words  false: flags that procmail does not know are none
/// @param expanded   variables and quotes are done with: what is left of them
///                   are mere letters
Head parse_head(std::string_view text, long& number, bool own_words = true,
                bool expanded = false);

}  // namespace policy::recipe
