// groups.d of KavMilter: who, and what is done.
#pragma once

#include "policy/migrate/migrate.h"

namespace policy::migrate {

/// Reads one file.  The group called Default becomes virus.actions and the
/// settings that are for all; another becomes a member of virus.groups.
/// @param disclaimer  the template message_disclaimer; empty: not known
void read_group(const Source& file, const Source& disclaimer, Draft& draft);

}  // namespace policy::migrate
