#include "milters/postern/check.h"

#include <sysexits.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "milters/postern/latin1.h"
#include "milters/postern/options.h"
#include "policy/map/access_lint.h"
#include "policy/relay/features.h"

namespace milters::postern {
namespace {

using policy::Errc;
using policy::fail;
using policy::Result;
using policy::map::Finding;

constexpr int found_something = 1;

struct Arguments {
    ConfigOptions common;
    bool json = false;
    std::vector<std::string> files;
};

/// The text that an access map is made of: the map's name without its ending.
std::string source_of(const std::string& map)
{
    const std::filesystem::path path{map};
    const auto ending = path.extension();
    return ending == ".db" || ending == ".cdb"
               ? (path.parent_path() / path.stem()).string()
               : map;
}

Result<std::string> read_text(const std::string& path)
{
    errno = 0;
    std::ifstream in{path, std::ios::binary};
    std::ostringstream text;
    if (in)
        text << in.rdbuf();
    if (!in)
        return fail(Errc::io, path + ": " + std::strerror(errno ? errno : EIO));
    return text.str();
}

Result<policy::map::LintOptions> lint_options(
    const std::vector<std::string>& features)
{
    const auto read =
        policy::relay::read_features({features.begin(), features.end()});
    if (!read)
        return fail(read.error());
    return policy::map::LintOptions{read->access.skip, read->access.dotdomain,
                                    read->relay_mail_from};
}

void print(const std::string& file, const Finding& finding, bool json)
{
    if (!json) {
        std::cout << file << ':' << finding.line << ": "
                  << name_of(finding.kind) << ": " << finding.key << ": "
                  << finding.cause << "; " << finding.cure << '\n';
        return;
    }
    const nlohmann::ordered_json out{
        {"file", to_utf8(file)},           {"line", finding.line},
        {"kind", name_of(finding.kind)},   {"key", to_utf8(finding.key)},
        {"cause", to_utf8(finding.cause)}, {"cure", to_utf8(finding.cure)}};
    std::cout << out.dump() << '\n';
}

/// Prints what is wrong with each file.
int check_files(const std::vector<std::string>& files,
                const policy::map::LintOptions& options, bool json)
{
    bool found = false;
    for (const auto& file : files) {
        const auto text = read_text(file);
        if (!text)
            return complain({text.error().text}, EX_NOINPUT);
        for (const auto& finding : policy::map::lint_access(*text, options)) {
            print(file, finding, json);
            found = true;
        }
    }
    return found ? found_something : EX_OK;
}

}  // namespace

int check(int argc, const char* const* argv)
{
    Arguments a;
    CLI::App app{
        "Finds entries of access.db that do nothing, or not what "
        "they seem to say.",
        "postern check"};
    add_config_options(app, a.common);
    app.add_flag("--json", a.json, "print a JSON object a finding");
    app.add_option("file", a.files,
                   "source text of an access map (default: that of "
                   "relay.access)");
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    const auto loaded = load_config(a.common);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    const auto options = lint_options(loaded.config->relay.features);
    if (!options)
        return complain({options.error().text}, EX_CONFIG);
    if (a.files.empty())
        a.files.push_back(source_of(loaded.config->relay.access));
    return check_files(a.files, *options, a.json);
}

}  // namespace milters::postern
