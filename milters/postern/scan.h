// postern scan FILE...: the verdict of the configured engine.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "scan".
///
/// @return as clamscan(1): 0 all clean, 1 something was found (also
///         suspicious, protected, limits, oversize), 2 something could not be
///         scanned; 64 for a mistake on the command line, 78 in the
///         configuration
int scan(int argc, const char* const* argv);

}  // namespace milters::postern
