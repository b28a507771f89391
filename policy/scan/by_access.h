// What an entry of access.db with the tag Virus: makes of an outcome.
#pragma once

#include "policy/map/access_tag.h"
#include "policy/scan/policy.h"

namespace policy::scan {

/// OK: whatever was found is accepted, as in a group that is not scanned.  An
/// action stands in the place of what groups and rules say of a find; clean
/// mail is accepted all the same, and what could not be scanned (`error`) is
/// left to the groups.  Pure.
Outcome by_access(Outcome outcome, const map::TagRuling& ruling);

}  // namespace policy::scan
