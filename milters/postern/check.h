// postern check: finds mistakes before sendmail meets them.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "check".
///
/// @return 0 nothing found, 1 findings; 64 for a mistake on the command line,
///         66 where a file cannot be read, 78 in the configuration
int check(int argc, const char* const* argv);

}  // namespace milters::postern
