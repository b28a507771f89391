// postern filter: runs recipes on a message and says what each did.
#pragma once

namespace milters::postern {

/// Runs the subcommand; argv[0] is "filter".
/// @return 0, 1 if the rc file is refused (--compat: something is), 64 for a
///         mistake on the command line, 66 for a file that cannot be read
int filter(int argc, const char* const* argv);

}  // namespace milters::postern
