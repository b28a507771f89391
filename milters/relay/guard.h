// relay-milter is no open relay, whatever the .mc file asks sendmail to be.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "policy/config/config.h"

namespace milters::relay {

/// Takes out the FEATUREs by which any stranger may relay.
void guard(std::set<std::string, std::less<>>& features);

/// Whether relay.features has such: a line with file and line, or none.
policy::config::Problems ignored_features(const policy::config::Config& config);

}  // namespace milters::relay
