// [group.filter] of KavMilter: attachments by name, type and size.
#pragma once

#include <string>
#include <vector>

#include "policy/migrate/migrate.h"

namespace policy::migrate {

/// Its word for an action as ours; empty if there is none.  warn, cure and
/// delete all put a notice in the place of what they remove: strip.
std::string our_action(const std::string& word);

/// Makes virus.attachments of the filter's lines.
/// @param group  name of the group that they are for; empty: all
void read_filters(const std::vector<Line>& lines, const std::string& group,
                  Draft& draft);

}  // namespace policy::migrate
