// What can be known of a rc file before a message comes: what must be refused
// and what its writer should be told.
#pragma once

#include <string>
#include <vector>

#include "policy/recipe/ast.h"

namespace policy::recipe {

struct Step;

/// Adds problems to `file`, in order of lines; `steps` are its statements in
/// their order, conditions prepared.
/// @param programs  absolute paths that pipes, `?` and backquotes may start
void check(RcFile& file, std::vector<Step>& steps,
           const std::vector<std::string>& programs);

}  // namespace policy::recipe
