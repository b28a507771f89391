// The command line that all milters have in common.
#pragma once

#include <optional>
#include <string>

namespace milters::milter {

/// What was asked for on the command line.
struct Options {
    std::string config;    ///< -c, absolute
    std::string socket;    ///< -p, empty: as configured
    std::string user;      ///< -u, empty: as configured
    std::string pid_file;  ///< -P, empty: as configured
    bool foreground = false;
    bool check_only = false;  ///< -n
    bool test_mode = false;   ///< -t
    bool verbose = false;     ///< -v
};

/// Either `options`, or the exit code of a run that is over already: 0 after
/// -h and -V, 64 (EX_USAGE) for a mistake, which is told on stderr.
struct Parsed {
    std::optional<Options> options;
    int exit_code = 0;
};

/// @param purpose  one line for --help
Parsed parse_options(int argc, const char* const* argv, const char* name,
                     const char* purpose);

}  // namespace milters::milter
