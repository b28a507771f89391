// Recipes that no milter can do.
#pragma once

#include <vector>

#include "policy/recipe/plan.h"

namespace policy::filter {

/// Recipes that are fine for a delivery agent, but would lose a part of the
/// mail or do something else that nobody can want at SMTP time.
std::vector<recipe::Problem> smtp_problems(const recipe::Plan& plan);

}  // namespace policy::filter
