#include "milters/milter/options.h"

#include <sysexits.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "policy/config/config.h"
#include "policy/version.h"

namespace milters::milter {

Parsed parse_options(int argc, const char* const* argv, const char* name,
                     const char* purpose)
{
    Options out;
    out.config = policy::config::default_file;
    CLI::App app{purpose, name};
    app.set_help_flag("-h,--help", "Print this help and exit");
    app.set_version_flag("-V,--version",
                         std::string(name) + " " + policy::version);
    app.add_option("-c,--config", out.config, "Configuration file")
        ->type_name("FILE")
        ->capture_default_str();
    app.add_option("-p,--socket", out.socket,
                   "Milter socket, unix:/path or inet:port@host")
        ->type_name("SOCKET");
    app.add_option("-u,--user", out.user, "User to run as")
        ->type_name("USER[:GROUP]");
    app.add_option("-P,--pid-file", out.pid_file, "File for the process id")
        ->type_name("PIDFILE");
    app.add_flag("-f,--foreground", out.foreground,
                 "Stay in the foreground and log to stderr too");
    app.add_flag("-n,--check", out.check_only,
                 "Check the configuration and exit; with -v print it");
    app.add_flag("-t,--test", out.test_mode,
                 "Test mode: decide and log, change nothing");
    app.add_flag("-v,--verbose", out.verbose, "Log every decision and more");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        const int code = app.exit(e, std::cout, std::cerr);
        return {std::nullopt, code == 0 ? EX_OK : EX_USAGE};
    }
    // The daemon leaves this folder, and reads the file again later.
    out.config = std::filesystem::absolute(out.config).string();
    return {std::move(out), EX_OK};
}

}  // namespace milters::milter
