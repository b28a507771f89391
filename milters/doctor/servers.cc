// Whether the servers that mail needs here can be reached and answer.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "milters/doctor/checks.h"
#include "milters/doctor/child.h"
#include "milters/doctor/paths.h"
#include "milters/doctor/probe.h"
#include "milters/doctor/servers.h"
#include "milters/net/negotiate.h"
#include "policy/accounts/sasl.h"

namespace milters::doctor {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Result;
using policy::config::SocketSpec;

constexpr milliseconds milter_limit = 5s;
constexpr milliseconds saslauthd_limit = 3s;

/// Why there is no good answer; empty if there is.
std::string complaint(const Result<std::string>& answer)
{
    return answer ? *answer : answer.error().text;
}

/// Sockets that have a meaning; what sendmail could not read either is left
/// to sendmail.
std::optional<SocketSpec> socket_of(const MailFilter& filter)
{
    const auto spec = SocketSpec::parse(filter.socket);
    return spec && !spec->off() ? std::optional{*spec} : std::nullopt;
}

/// Where saslauthd listens; empty if sendmail does not ask it.
std::string saslauthd_socket(const SaslFile& file, const std::string& root)
{
    const auto option = [&](const char* name) {
        return policy::accounts::sasl_option(file.text, name);
    };
    if (option("pwcheck_method").find("saslauthd") == std::string::npos)
        return {};
    auto path = option("saslauthd_path");
    if (!path.empty())
        return root + path + (path.ends_with("/mux") ? "" : "/mux");
    for (const char* usual : {"/run/saslauthd/mux", "/var/run/saslauthd/mux",
                              "/var/state/saslauthd/mux"})
        if (::access((root + usual).c_str(), F_OK) == 0)
            return root + usual;
    return root + "/var/run/saslauthd/mux";
}

}  // namespace

SaslFile sasl_file(const std::vector<std::string>& folders,
                   const std::vector<std::string>& names)
{
    for (const auto& folder : folders)
        for (const auto& name : names) {
            const auto path = folder + "/" + name;
            std::ifstream in{path};
            std::ostringstream text;
            if (in && text << in.rdbuf())
                return {path, text.str()};
        }
    return {};
}

std::string silence_of(const SocketSpec& spec)
{
    return complaint(in_child(milter_limit, {}, [&] {
        return net::negotiate(spec, milliseconds{0});
    }));
}

bool may_connect(const User& user, const SocketSpec& spec)
{
    return complaint(in_child(milter_limit, user, [&] {
               return connect_to(spec);
           })) != std::strerror(EACCES);
}

Findings socket_out_of_reach(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters()) {
        const auto spec = socket_of(filter);
        if (!spec || spec->kind != SocketSpec::Kind::unix_path)
            continue;
        const auto who = host.mta.uid == 0 ? "root" : host.mta.name;
        if (!may_connect(host.mta, *spec))
            found.push_back({host.at(filter.line),
                             "sendmail, which runs as " + who +
                                 ", may not connect to " + spec->path,
                             "set socket_group and socket_mode of the milter, "
                             "and let that user into each folder above"});
        else if (const auto folder = unsafe_folder(host, spec->path);
                 !folder.empty())
            found.push_back({host.at(filter.line),
                             "sendmail takes " + spec->path +
                                 " for unsafe: " + folder +
                                 " belongs to, or may be written by, "
                                 "others",
                             "chown root and chmod go-w " + folder});
    }
    return found;
}

Findings silent_milter(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters()) {
        const auto spec = socket_of(filter);
        if (!spec)
            continue;
        const auto said = silence_of(*spec);
        if (!said.empty())
            found.push_back({host.at(filter.line),
                             filter.name + " does not answer at " +
                                 filter.socket + ": " + said,
                             "start it, or correct S= here or its socket; "
                             "check_sendmail(8) starts what is down"});
    }
    return found;
}

Findings saslauthd(const Host& host)
{
    auto folders = policy::accounts::sasl_folders();
    if (const auto own = host.cf.environment("SASL_CONF_PATH"); !own.empty())
        folders = {own};
    else
        folders.insert(folders.begin(), "/etc/mail/sasl");
    return saslauthd_of(
        sasl_file(folders, {"Sendmail.conf", "Sendmail.conf.2"}), "");
}

Findings saslauthd_of(const SaslFile& file, const std::string& root)
{
    const auto path = saslauthd_socket(file, root);
    if (path.empty())
        return {};
    const auto answer =
        in_child(saslauthd_limit, {}, [&] { return ask_saslauthd(path); });
    if (!answer)
        return {{{file.path},
                 "saslauthd hangs: " + path + ": " + answer.error().text +
                     "; so does each client that logs in",
                 "restart saslauthd; check_sendmail(8) does",
                 "saslauthd-hung"}};
    if (!answer->empty())
        return {{{file.path},
                 "passwords are checked by saslauthd, which is down: " + path +
                     ": " + *answer,
                 "start saslauthd, or correct saslauthd_path",
                 "saslauthd-down"}};
    return {};
}

}  // namespace milters::doctor
