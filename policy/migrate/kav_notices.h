// Who is told of what, and what is kept: [group.notifications] and
// [group.backup] of KavMilter.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/migrate/migrate.h"

namespace policy::migrate {

/// Whether read_notices() takes the line.
bool is_notice(const Line& line);

/// @param all  the lines are of the group that is for everybody
void read_notices(const std::vector<Line>& lines, bool all, Draft& draft);

/// A template without its remarks, in one line.  Pure.
std::string text_of_template(std::string_view text);

}  // namespace policy::migrate
