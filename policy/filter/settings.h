// Settings of the filter section as runs of recipes need them.
#pragma once

#include "policy/config/filter.h"
#include "policy/filter/smtp.h"

namespace policy::filter {

Settings settings_of(const config::Filter& filter);

}  // namespace policy::filter
