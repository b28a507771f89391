// postern explain: what would happen, at which stage, and why.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "explain".
///
/// @return 0 accepted, 1 refused, discarded or quarantined; 64 for a mistake
///         on the command line, 66 where a file cannot be read, 78 in the
///         configuration
int explain(int argc, const char* const* argv);

}  // namespace milters::postern
