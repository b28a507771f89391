// What main.cf and master.cf say of milters.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "milters/doctor/asking.h"
#include "milters/doctor/postfix.h"
#include "milters/doctor/servers.h"

namespace milters::doctor {
namespace {

using policy::config::SocketSpec;

bool is_unix(const SocketSpec& spec)
{
    return spec.kind == SocketSpec::Kind::unix_path;
}

/// Our milters that look at the text of mail: all of it should come by them.
std::vector<PostfixMilter> content_milters(const PostfixHost& host)
{
    auto all = host.all_milters();
    std::erase_if(all, [&](const PostfixMilter& one) {
        const auto which = host.which(one);
        return which == Milter::foreign || which == Milter::relay;
    });
    return all;
}

/// Those of `wanted` that are not among `there`, in words.
std::string left_out(const std::vector<PostfixMilter>& wanted,
                     const std::vector<PostfixMilter>& there)
{
    std::set<std::string> names;
    for (const auto& one : wanted)
        if (std::none_of(there.begin(), there.end(), [&](const auto& other) {
                return other.socket == one.socket || other.name == one.name;
            }))
            names.insert(one.name);
    std::string text;
    for (const auto& name : names)
        text += (text.empty() ? "" : ", ") + name;
    return text;
}

/// Findings about the milters whose action is `action`.
Findings with_action(const PostfixHost& host, const std::string& action,
                     const std::string& cause)
{
    Findings found;
    for (const auto& milter : host.all_milters())
        if (milter.action == action)
            found.push_back({milter.place, milter.name + " has " + cause,
                             "write milter_default_action = tempfail, and no "
                             "other default_action behind the milter"});
    return found;
}

}  // namespace

Findings postfix_fail_open(const PostfixHost& host)
{
    return with_action(host, "accept",
                       "default_action accept: mail passes it unseen while it "
                       "is down");
}

Findings postfix_wrong_action(const PostfixHost& host)
{
    return with_action(host, "reject",
                       "default_action reject: mail is refused for good while "
                       "it is down");
}

Findings postfix_order(const PostfixHost& host)
{
    Findings found;
    std::set<std::string> told;
    for (const auto& server : host.servers) {
        std::vector<Called> filters;
        for (const auto& one :
             host.milters(server.settings, "smtpd_milters", server.chrooted))
            filters.push_back({one.name, host.which(one)});
        const auto place = host.place(server.settings, "smtpd_milters");
        for (const auto& [late, early] : misplaced(filters))
            if (told.insert(place.text() + late).second)
                found.push_back(
                    {place, late + " comes after " + early, right_order});
    }
    return found;
}

Findings postfix_timeout(const PostfixHost& host)
{
    Findings found;
    for (const auto& milter : host.all_milters())
        for (const auto& limit : limits_of(host, host.which(milter))) {
            if (milter.content_timeout > limit.time)
                continue;
            found.push_back({milter.place,
                             milter.name + " is given " +
                                 in_seconds(milter.content_timeout) +
                                 ", while " + limit.setting + " (" +
                                 host.setting(limit.setting) + ") is " +
                                 in_seconds(limit.time) +
                                 ": mail that is still looked at is deferred",
                             "write milter_content_timeout = " +
                                 in_seconds(limit.time + time_margin)});
        }
    return found;
}

Findings postfix_inet(const PostfixHost& host)
{
    Findings found;
    for (const auto& milter : host.all_milters())
        if (!milter.socket.off() && !is_unix(milter.socket) &&
            is_this_host(milter.socket.host))
            found.push_back({milter.place,
                             milter.name + " is asked by TCP on this host, "
                                           "which costs 40 ms a command",
                             "write unix:/run/postern/NAME.sock, here and in "
                             "the milter's configuration"});
    return found;
}

Findings postfix_out_of_reach(const PostfixHost& host)
{
    Findings found;
    for (const auto& milter : host.all_milters()) {
        if (!is_unix(milter.socket))
            continue;
        const auto& path = milter.socket.path;
        const bool outside = milter.chrooted &&
                             ::access(path.c_str(), F_OK) != 0 &&
                             milter.name.find(":/") != std::string::npos;
        if (outside)
            found.push_back(
                {milter.place,
                 "smtpd runs in a chroot and would find " + milter.name +
                     " at " + path + ", where nothing is",
                 "let the milter listen there, or write n for chroot in "
                 "master.cf"});
        else if (!may_connect(host.mta, milter.socket))
            found.push_back({milter.place,
                             "Postfix, which runs as " + host.mta.name +
                                 ", may not connect to " + path,
                             "set socket_group and socket_mode of the milter, "
                             "and let that user into each folder above"});
    }
    return found;
}

Findings postfix_silent(const PostfixHost& host)
{
    Findings found;
    for (const auto& milter : host.all_milters()) {
        if (milter.socket.off())
            continue;
        const auto said = silence_of(milter.socket);
        if (!said.empty())
            found.push_back({milter.place,
                             milter.name + " does not answer: " + said,
                             "start it, or correct its socket here or in its "
                             "configuration"});
    }
    return found;
}

Findings postfix_bypass(const PostfixHost& host)
{
    Findings found;
    const auto all = host.all_milters();
    std::vector<PostfixMilter> ours;
    std::copy_if(all.begin(), all.end(), std::back_inserter(ours),
                 [&](const PostfixMilter& one) {
                     return host.which(one) != Milter::foreign;
                 });
    for (const auto& server : host.servers) {
        const auto names = left_out(
            ours,
            host.milters(server.settings, "smtpd_milters", server.chrooted));
        if (!names.empty())
            found.push_back(
                {host.place(server.settings, "smtpd_milters"),
                 server.service.name + " has milters of its own, without " +
                     names,
                 "take -o smtpd_milters away, or name all milters there"});
    }
    const auto names =
        left_out(content_milters(host),
                 host.milters(host.settings, "non_smtpd_milters", false));
    if (!names.empty())
        found.push_back({host.place(host.settings, "non_smtpd_milters"),
                         "what programs of this host submit by sendmail -t "
                         "goes past " +
                             names,
                         "write non_smtpd_milters = $smtpd_milters"});
    return found;
}

}  // namespace milters::doctor
