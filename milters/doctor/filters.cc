// What INPUT_MAIL_FILTER lines say.
#include <algorithm>

#include "milters/doctor/asking.h"
#include "milters/doctor/checks.h"

namespace milters::doctor {
namespace {

using policy::config::SocketSpec;

}  // namespace

Findings filter_without_flag(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters())
        if (filter.flags.empty())
            found.push_back(
                {host.at(filter.line),
                 filter.name + " has no F=: mail passes it unseen while it is "
                               "down",
                 "write F=T"});
    return found;
}

Findings filter_with_wrong_flag(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters()) {
        const bool good = filter.flags == "T" || filter.flags == "4";
        if (good || filter.flags.empty())
            continue;
        const bool refuses = filter.flags.find('R') != std::string::npos;
        found.push_back(
            {host.at(filter.line),
             filter.name + " has F=" + filter.flags +
                 (refuses ? ": mail is refused for good while it is down"
                          : ", which sendmail does not know"),
             "write F=T: the client comes again"});
    }
    return found;
}

Findings filter_order(const Host& host)
{
    const auto used = host.cf.option("InputMailFilters");
    std::vector<Called> filters;
    for (const auto& filter : host.cf.input_filters())
        filters.push_back({filter.name, host.which(filter)});
    Findings found;
    for (const auto& [late, early] : misplaced(filters))
        found.push_back(
            {host.at(used->line), late + " comes after " + early, right_order});
    return found;
}

Findings filter_timeout(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters())
        for (const auto& limit : limits_of(host, host.which(filter))) {
            if (filter.end_of_message > limit.time)
                continue;
            found.push_back(
                {host.at(filter.line),
                 filter.name + " has T=E:" + in_seconds(filter.end_of_message) +
                     ", while " + limit.setting + " (" +
                     host.setting(limit.setting) + ") is " +
                     in_seconds(limit.time) +
                     ": mail that is still looked at is deferred",
                 "write T=E:" + in_seconds(limit.time + time_margin)});
        }
    return found;
}

Findings inet_to_loopback(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters()) {
        const auto spec = SocketSpec::parse(filter.socket);
        const bool inet = spec && (spec->kind == SocketSpec::Kind::inet ||
                                   spec->kind == SocketSpec::Kind::inet6);
        if (inet && is_this_host(spec->host))
            found.push_back(
                {host.at(filter.line),
                 filter.name + " is asked by TCP on this host, which costs "
                               "40 ms a command",
                 "write S=unix:/run/postern/NAME.sock, here and in the "
                 "milter's configuration"});
    }
    return found;
}

}  // namespace milters::doctor
