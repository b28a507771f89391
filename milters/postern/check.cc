#include "milters/postern/check.h"

#include <sysexits.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "milters/doctor/checks.h"
#include "milters/doctor/postfix.h"
#include "milters/postern/latin1.h"
#include "milters/postern/options.h"
#include "policy/map/access_lint.h"
#include "policy/relay/features.h"

namespace milters::postern {
namespace {

using policy::Errc;
using policy::fail;
using policy::Result;
namespace config = policy::config;

constexpr int found_something = 1;

struct Arguments {
    ConfigOptions common;
    bool json = false;
    doctor::Places places;
    std::vector<std::string> files;
};

void add_options(CLI::App& app, Arguments& a)
{
    add_config_options(app, a.common);
    app.add_flag("--json", a.json, "print a JSON object a finding");
    app.add_option("--sendmail-cf", a.places.sendmail_cf,
                   "sendmail's configuration (default sendmail.cf in the "
                   "mail directory)");
    app.add_option("--submit-cf", a.places.submit_cf,
                   "that of submission (default submit.cf there)");
    app.add_option("--sendmail", a.places.sendmail,
                   "the program (default /usr/sbin/sendmail)");
    app.add_option("--main-cf", a.places.main_cf,
                   "Postfix's configuration, to be looked at in place of "
                   "sendmail's (default /etc/postfix/main.cf where there is "
                   "no sendmail.cf)");
    app.add_option("--crontab", a.places.crontabs,
                   "look for vsmtprelay expire in this file; may be given "
                   "again (default: where cron looks)");
    app.add_option("file", a.files,
                   "source text of an access map; then nothing else is looked "
                   "at");
}

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
    const policy::config::Relay& relay)
{
    const auto read = policy::relay::read_features(
        {relay.features.begin(), relay.features.end()});
    if (!read)
        return fail(read.error());
    return policy::map::LintOptions{read->access.skip, read->access.dotdomain,
                                    read->relay_mail_from,
                                    relay.compressed_ipv6};
}

/// One line, or a JSON object, for a finding of either kind.
void print(const doctor::Place& place, std::string_view kind,
           const std::string& key, const std::string& cause,
           const std::string& cure, bool json)
{
    if (!json) {
        std::cout << place.text() << ": " << kind << ": "
                  << (key.empty() ? "" : key + ": ") << cause << "; " << cure
                  << '\n';
        return;
    }
    nlohmann::ordered_json out{{"file", to_utf8(place.file)},
                               {"line", place.line},
                               {"kind", kind},
                               {"key", to_utf8(key)},
                               {"cause", to_utf8(cause)},
                               {"cure", to_utf8(cure)}};
    if (key.empty())
        out.erase("key");
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
            print({file, static_cast<int>(finding.line)}, name_of(finding.kind),
                  finding.key, finding.cause, finding.cure, json);
            found = true;
        }
    }
    return found ? found_something : EX_OK;
}

/// What is wrong with the MTA that this host has.
Result<doctor::Findings> examine(const Arguments& a,
                                 const std::shared_ptr<const config::Config>& c)
{
    const auto& places = a.places;
    const bool postfix =
        !places.main_cf.empty() ||
        (places.sendmail_cf.empty() &&
         !std::filesystem::exists(c->mail_dir + "/sendmail.cf") &&
         std::filesystem::exists("/etc/postfix/main.cf"));
    if (postfix) {
        const auto host = doctor::look_at_postfix(c, path_of(a.common), places);
        return host ? Result<doctor::Findings>{doctor::examine(*host)}
                    : fail(host.error());
    }
    const auto host = doctor::look_at_host(c, path_of(a.common), places);
    return host ? Result<doctor::Findings>{doctor::examine(*host)}
                : fail(host.error());
}

/// Looks at the whole host.
int check_host(const Arguments& a,
               const std::shared_ptr<const config::Config>& config,
               const policy::map::LintOptions& options)
{
    const auto access = source_of(config->relay.access);
    const auto found = examine(a, config);
    if (!found)
        return complain({found.error().text}, EX_NOINPUT);
    for (const auto& finding : *found)
        print(finding.place, finding.name, "", finding.cause, finding.cure,
              a.json);
    const int entries = std::filesystem::exists(access)
                            ? check_files({access}, options, a.json)
                            : EX_OK;
    return entries != EX_OK ? entries
           : found->empty() ? EX_OK
                            : found_something;
}

}  // namespace

int check(int argc, const char* const* argv)
{
    Arguments a;
    CLI::App app{
        "Finds what is wrong with the mail of this host, or with an access "
        "map.",
        "postern check"};
    add_options(app, a);
    if (const auto code = parse_arguments(app, argc, argv))
        return *code;
    const auto loaded = load_config(a.common);
    if (!loaded.config)
        return complain(loaded.problems, EX_CONFIG);
    const auto options = lint_options(loaded.config->relay);
    if (!options)
        return complain({options.error().text}, EX_CONFIG);
    return a.files.empty() ? check_host(a, loaded.config, *options)
                           : check_files(a.files, *options, a.json);
}

}  // namespace milters::postern
