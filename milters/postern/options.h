// Options that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "policy/config/config.h"

namespace milters::postern {

/// --config, --mail-dir, --domain and --feature.
struct ConfigOptions {
    std::string config;
    std::string mail_dir;
    std::string domain;
    std::vector<std::string> features;
};

void add_config_options(CLI::App& app, ConfigOptions& options);
/// --config and --mail-dir alone.
void add_place_options(CLI::App& app, ConfigOptions& options);

/// The file that is read.
std::string path_of(const ConfigOptions& options);

/// The configuration with the options in place of its settings.  A missing
/// default file is an empty one.
policy::config::Loaded load_config(const ConfigOptions& options);

/// Prints each problem on standard error; returns `code`.
int complain(const policy::config::Problems& problems, int code);

/// Parses a command line; nothing if the command is to go on, else its exit
/// code (0 after --help).
std::optional<int> parse_arguments(CLI::App& app, int argc,
                                   const char* const* argv);

}  // namespace milters::postern
