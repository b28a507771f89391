// Who answers vsmtprelay: relay-milter through its socket, or the same
// handler on the file itself.
#pragma once

#include <functional>

#include "milters/control/protocol.h"
#include "milters/vsmtprelay/options.h"
#include "policy/result.h"

namespace milters::vsmtprelay {

/// A question to whoever keeps the grants.
using Ask =
    std::function<policy::Result<control::Json>(const control::Json& request)>;

/// As the options say; where they say nothing, relay-milter if it runs, else
/// relayers.db of the mail directory.
/// @return Errc::parse    every problem of the configuration, a line each
///         Errc::timeout  -s, and nobody listens there
///         Errc::denied   -s, and we may not connect there
policy::Result<Ask> backend(const Options& options);

}  // namespace milters::vsmtprelay
