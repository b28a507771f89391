// Whether strangers may send through a host with Postfix, by what it says.
#include <algorithm>
#include <set>

#include "milters/doctor/postfix.h"
#include "milters/doctor/relaying.h"
#include "milters/doctor/servers.h"
#include "policy/accounts/sasl.h"
#include "policy/address.h"

namespace milters::doctor {
namespace {

using policy::postfix::Settings;

/// Words that end a list of restrictions for mail to elsewhere.
const std::set<std::string> endings{
    "reject_unauth_destination", "defer_unauth_destination", "reject", "defer"};

/// Whether a stranger gets no further than this list.
bool stops_strangers(const Settings& settings, const std::string& name)
{
    for (const auto& word : settings.words(name)) {
        if (endings.contains(word))
            return true;
        if (word == "permit")
            return false;
    }
    return false;
}

/// Networks so wide that strangers are in them.
bool is_wide(const std::string& text)
{
    constexpr unsigned least_v4 = 8, least_v6 = 16;
    const auto slash = text.find('/');
    if (slash == text.npos || text.starts_with('!'))
        return false;
    const auto bits = text.substr(slash + 1);
    if (bits.empty() || bits.size() > 3 ||
        bits.find_first_not_of("0123456789") != bits.npos)
        return false;
    const bool v6 = text.find(':') != text.npos;
    return std::stoul(bits) < (v6 ? least_v6 : least_v4);
}

bool says_passwords(const Settings& settings)
{
    const auto options = settings.words("smtpd_sasl_security_options");
    const bool plain = std::find(options.begin(), options.end(),
                                 "noplaintext") == options.end();
    return settings.yes("smtpd_sasl_auth_enable") && plain &&
           !settings.yes("smtpd_tls_auth_only") &&
           !settings.yes("smtpd_tls_wrappermode") &&
           settings.value("smtpd_tls_security_level") != "encrypt";
}

}  // namespace

Findings postfix_open_relay(const PostfixHost& host)
{
    Findings found;
    std::set<std::string> told;
    for (const auto& server : host.servers) {
        if (stops_strangers(server.settings, "smtpd_relay_restrictions") ||
            stops_strangers(server.settings, "smtpd_recipient_restrictions"))
            continue;
        const auto place =
            host.place(server.settings, "smtpd_relay_restrictions");
        if (told.insert(place.text()).second)
            found.push_back(
                {place,
                 server.service.name +
                     ": neither smtpd_relay_restrictions nor "
                     "smtpd_recipient_restrictions stops mail from strangers "
                     "to elsewhere",
                 "end smtpd_relay_restrictions with "
                 "reject_unauth_destination"});
    }
    return found;
}

Findings postfix_wide_networks(const PostfixHost& host)
{
    auto found = promiscuous_setting(host);
    for (const auto& word : host.settings.words("mynetworks"))
        if (is_wide(word))
            found.push_back({host.place(host.settings, "mynetworks"),
                             "mynetworks has " + word +
                                 ": strangers are in it, and may send "
                                 "through this host",
                             "name the networks of this site only"});
    if (host.settings.value("mynetworks").empty() &&
        host.settings.value("mynetworks_style") == "class")
        found.push_back({host.place(host.settings, "mynetworks_style"),
                         "mynetworks_style = class trusts whole networks of "
                         "the provider",
                         "write mynetworks_style = host, or mynetworks"});
    return found;
}

Findings postfix_plain(const PostfixHost& host)
{
    Findings found;
    std::set<std::string> told;
    for (const auto& server : host.servers) {
        if (!says_passwords(server.settings))
            continue;
        const auto place =
            host.place(server.settings, "smtpd_sasl_auth_enable");
        if (told.insert(place.text()).second)
            found.push_back({place,
                             server.service.name +
                                 " offers PLAIN and LOGIN without TLS: "
                                 "passwords can be read on the way",
                             "write smtpd_tls_auth_only = yes"});
    }
    return found;
}

Findings postfix_saslauthd(const PostfixHost& host)
{
    for (const auto& server : host.servers) {
        const auto& settings = server.settings;
        if (!settings.yes("smtpd_sasl_auth_enable") ||
            settings.value("smtpd_sasl_type") != "cyrus")
            continue;
        auto folders = policy::accounts::sasl_folders();
        const auto own = settings.value("cyrus_sasl_config_path");
        folders.insert(folders.begin(),
                       host.path.substr(0, host.path.rfind('/')) + "/sasl");
        if (!own.empty())
            folders = {own};
        const auto file =
            sasl_file(folders, {settings.value("smtpd_sasl_path") + ".conf"});
        if (!file.path.empty())
            return saslauthd_of(
                file, server.chrooted ? settings.value("queue_directory") : "");
    }
    return {};
}

}  // namespace milters::doctor
