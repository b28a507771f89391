// The commands of vsmtprelay: from options to a request, from the answer to
// output and exit code.
#pragma once

#include <iosfwd>

#include "milters/vsmtprelay/backend.h"
#include "milters/vsmtprelay/options.h"

namespace milters::vsmtprelay {

/// @return exit code: 0 done, 1 not found or problems found, else as
///         sysexits(3)
int run(const Options& options, const Ask& ask, std::ostream& out,
        std::ostream& err);

}  // namespace milters::vsmtprelay
