// postern config: the settings in force, and where each comes from.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "config".
///
/// @return 0; 1 if a setting that was asked for has no value; 64 for a mistake
///         on the command line, 78 in the configuration
int show_config(int argc, const char* const* argv);

}  // namespace milters::postern
