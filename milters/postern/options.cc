#include "milters/postern/options.h"

#include <sysexits.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace milters::postern {
namespace {

namespace config = policy::config;

/// The text of the file; nothing where the default file is missing.
std::string read_file(const ConfigOptions& options, config::Problems& problems)
{
    const auto path = path_of(options);
    if (options.config.empty() && !std::filesystem::exists(path))
        return {};
    errno = 0;
    std::ifstream in{path};
    std::ostringstream text;
    if (in)
        text << in.rdbuf();
    if (!in)
        problems.push_back(path + ": " + std::strerror(errno ? errno : EIO));
    return text.str();
}

}  // namespace

std::string path_of(const ConfigOptions& options)
{
    return options.config.empty() ? config::default_file : options.config;
}

void add_place_options(CLI::App& app, ConfigOptions& options)
{
    app.add_option("--config", options.config,
                   "configuration (default /etc/mail/postern.yaml)");
    app.add_option("--mail-dir", options.mail_dir,
                   "folder with access.db and the class files");
}

void add_config_options(CLI::App& app, ConfigOptions& options)
{
    add_place_options(app, options);
    app.add_option("--domain", options.domain, "$j of sendmail");
    app.add_option("--feature", options.features,
                   "FEATURE of the .mc file, in place of the configuration's; "
                   "may be given again");
}

config::Loaded load_config(const ConfigOptions& options)
{
    config::Problems problems;
    const auto text = read_file(options, problems);
    if (!problems.empty())
        return {nullptr, std::move(problems)};
    auto values = config::parse(text, path_of(options), problems);
    if (!options.mail_dir.empty())
        values.set("mail_dir",
                   std::filesystem::absolute(options.mail_dir).string(), 0);
    if (!options.domain.empty())
        values.set("relay.domain", options.domain, 0);
    if (!options.features.empty())
        values.set("relay.features", options.features, 0);
    return config::assemble(std::move(values), std::move(problems));
}

int complain(const config::Problems& problems, int code)
{
    for (const auto& problem : problems)
        std::cerr << "postern: " << problem << '\n';
    return code;
}

std::optional<int> parse_arguments(CLI::App& app, int argc,
                                   const char* const* argv)
{
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const int code = app.exit(error, std::cout, std::cerr);
        return code == 0 ? EX_OK : EX_USAGE;
    }
    return std::nullopt;
}

}  // namespace milters::postern
