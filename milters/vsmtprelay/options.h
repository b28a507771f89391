// The command line of vsmtprelay.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace milters::vsmtprelay {

/// What was asked for.  See vsmtprelay(8).
struct Options {
    std::string command;  ///< "add", "delete", ...

    std::string file;    ///< -f: work on this file by itself
    std::string socket;  ///< -s: through relay-milter
    std::string config;  ///< -c; empty: postern.yaml of mail_dir
    std::string mail_dir = "/etc/mail";
    std::string state_dir;  ///< journal of relay-milter; empty: as configured

    std::string address;                 ///< of add, show
    std::vector<std::string> addresses;  ///< of delete
    std::string ticks;                   ///< of add; empty: now
    std::int64_t minutes = 0;            ///< of list, expire
    std::optional<std::int64_t> newer;
    std::string user, service, reason;
    std::optional<std::chrono::seconds> length;  ///< --for
    std::string input = "-";                     ///< of import
    bool json = false;
    bool makemap = false;
    bool dry_run = false;
    bool repair = false;

    bool mail_dir_given = false;
};

/// Either options, or the exit code after help, version, usage or an error
/// was printed.
struct Parsed {
    std::optional<Options> options;
    int exit_code;
};
Parsed parse_options(int argc, const char* const* argv);

}  // namespace milters::vsmtprelay
