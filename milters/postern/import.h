// postern import: makes our configuration of another program's.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "import".
///
/// @return 0 all carried over, 1 something was left; 64 for a mistake on the
///         command line, 65 where our own reader would refuse the outcome, 66
///         where a file cannot be read
int import_from(int argc, const char* const* argv);

}  // namespace milters::postern
