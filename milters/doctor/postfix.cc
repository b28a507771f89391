#include "milters/doctor/postfix.h"

#include <pwd.h>

#include <algorithm>
#include <set>

#include "policy/sendmail/cf.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

using policy::config::SocketSpec;
using policy::postfix::Settings;

constexpr const char* usual_main_cf = "/etc/postfix/main.cf";

struct PostfixCheck {
    std::string_view name;
    Findings (*look)(const PostfixHost& host);
};

constexpr PostfixCheck table[] = {
    {"fail-open", postfix_fail_open},
    {"wrong-flag", postfix_wrong_action},
    {"filter-order", postfix_order},
    {"short-timeout", postfix_timeout},
    {"inet-loopback", postfix_inet},
    {"socket-unreachable", postfix_out_of_reach},
    {"milter-silent", postfix_silent},
    {"stale-map", postfix_stale_map},
    {"unreadable-map", postfix_unreadable_map},
    {"world-writable", postfix_world_writable},
    {"open-relay", postfix_open_relay},
    {"promiscuous-relay", postfix_wide_networks},
    {"plain-without-tls", postfix_plain},
    {"saslauthd-down", postfix_saslauthd},
    {"old-signatures", postfix_signatures},
    {"no-expire", postfix_no_expire},
    {"submission-bypass", postfix_bypass},
};

/// `unix:/path`, `unix:path` below the queue directory, `inet:host:port`.
SocketSpec socket_of(const std::string& text, const std::string& queue,
                     bool chrooted)
{
    const auto colon = text.find(':');
    const auto kind = text.substr(0, colon);
    const auto rest = colon == text.npos ? "" : text.substr(colon + 1);
    std::string ours;
    if (kind == "unix" || kind == "local") {
        const bool below = !rest.starts_with('/') || chrooted;
        ours = "unix:" + (below ? queue : "") +
               (rest.starts_with('/') ? "" : "/") + rest;
    } else if (const auto port = rest.rfind(':'); port != rest.npos) {
        ours = kind + ":" + rest.substr(port + 1) + "@" + rest.substr(0, port);
    }
    return SocketSpec::parse(ours).value_or(SocketSpec{});
}

/// What stands in `{ ... }` behind a milter: name -> value.
std::map<std::string, std::string> options_of(
    const std::vector<std::string>& words)
{
    std::map<std::string, std::string> all;
    for (const auto& word : words)
        if (const auto equals = word.find('='); equals != word.npos)
            all[word.substr(0, equals)] = word.substr(equals + 1);
    return all;
}

bool is_chrooted(const policy::postfix::Service& service,
                 const Settings& settings)
{
    // The default has changed with Postfix 3.0.
    if (service.chroot != '-')
        return service.chroot == 'y';
    const auto level = settings.value("compatibility_level");
    return level.empty() || level == "0";
}

User user_called(const std::string& name)
{
    User user;
    user.name = name;
    if (const passwd* entry = ::getpwnam(name.c_str()))
        user.uid = entry->pw_uid, user.gid = entry->pw_gid;
    return user;
}

}  // namespace

Place PostfixHost::place(const Settings& of, const std::string& name) const
{
    const auto setting = of.raw(name);
    return setting.file.empty() ? Place{path}
                                : Place{setting.file, setting.line};
}

std::vector<PostfixMilter> PostfixHost::milters(const Settings& of,
                                                const std::string& setting,
                                                bool chrooted) const
{
    std::vector<PostfixMilter> all;
    for (const auto& text : of.words(setting)) {
        const auto words = policy::postfix::words_of(text);
        if (words.empty())
            continue;
        auto options = options_of(words);
        auto& action = options["default_action"];
        auto& timeout = options["content_timeout"];
        if (action.empty())
            action = of.value("milter_default_action");
        if (timeout.empty())
            timeout = of.value("milter_content_timeout");
        all.push_back(
            {words.front(), place(of, setting),
             socket_of(words.front(), of.value("queue_directory"), chrooted),
             action,
             policy::sendmail::interval(timeout).value_or(
                 policy::config::Milliseconds{0}),
             chrooted});
    }
    return all;
}

std::vector<PostfixMilter> PostfixHost::all_milters() const
{
    std::vector<PostfixMilter> all;
    std::set<std::string> seen;
    const auto add = [&](const std::vector<PostfixMilter>& some) {
        for (const auto& one : some)
            if (seen.insert(one.name + one.action + one.place.text()).second)
                all.push_back(one);
    };
    for (const auto& server : servers)
        add(milters(server.settings, "smtpd_milters", server.chrooted));
    return all;
}

Milter PostfixHost::which(const PostfixMilter& milter) const
{
    return Site::which("", milter.socket.text());
}

policy::Result<PostfixHost> look_at_postfix(
    std::shared_ptr<const policy::config::Config> config,
    std::string config_file, const Places& places)
{
    const auto path = places.main_cf.empty() ? usual_main_cf : places.main_cf;
    auto settings = Settings::read(path);
    if (!settings)
        return policy::fail(settings.error());
    PostfixHost host{
        look_at_site(std::move(config), std::move(config_file), places),
        path,
        std::move(*settings),
        {}};
    host.mta = user_called(host.settings.value("mail_owner"));
    const auto folder = path.substr(0, path.rfind('/') + 1);
    const auto services = policy::postfix::read_services(folder + "master.cf");
    if (!services)
        return policy::fail(services.error());
    for (const auto& service : *services)
        if (service.type == "inet" && service.command == "smtpd")
            host.servers.push_back({service,
                                    host.settings.with(service.overrides),
                                    is_chrooted(service, host.settings)});
    return host;
}

Findings examine(const PostfixHost& host)
{
    Findings all;
    for (const auto& check : table)
        for (auto& finding : check.look(host)) {
            if (finding.name.empty())
                finding.name = check.name;
            all.push_back(std::move(finding));
        }
    return all;
}

}  // namespace milters::doctor
