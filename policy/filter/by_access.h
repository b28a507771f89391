// What an entry of access.db with the tag Filter: makes of a recipient's copy.
#pragma once

#include "policy/filter/smtp.h"
#include "policy/map/access_tag.h"

namespace policy::filter {

/// The answer in the place of his recipes': nothing for OK, else the action.
/// Pure.
SmtpOutcome by_access(const map::TagRuling& ruling);

}  // namespace policy::filter
