// What INPUT_MAIL_FILTER lines say.
#include <algorithm>

#include "milters/doctor/checks.h"

namespace milters::doctor {
namespace {

using policy::config::Milliseconds;
using policy::config::SocketSpec;
using std::chrono::seconds;

/// FEATURE(`postern') leaves the MTA so much more than a milter takes.
constexpr seconds margin{60};

std::string in_seconds(Milliseconds time)
{
    return std::to_string(
               std::chrono::ceil<std::chrono::seconds>(time).count()) +
           "s";
}

/// The longest that a milter may take over a message, and the setting.
struct Limit {
    const char* setting;
    Milliseconds time;
};

std::vector<Limit> limits_of(const Host& host, const MailFilter& filter)
{
    const Limit scan{"virus.deadline", host.config->virus.deadline};
    const Limit recipes{"filter.time", host.config->filter.time};
    switch (host.which(filter)) {
        case Milter::virus:
            return {scan};
        case Milter::filter:
            return {recipes};
        case Milter::all_in_one:
            return {scan, recipes};
        case Milter::relay:
        case Milter::foreign:
            break;
    }
    return {};
}

bool is_loopback(const std::string& host)
{
    const auto addr = policy::ClientAddr::parse(host);
    return host.empty() || host == "localhost" || (addr && addr->is_loopback());
}

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
    Findings found;
    const MailFilter* last = nullptr;
    const auto filters = host.cf.input_filters();
    const auto used = host.cf.option("InputMailFilters");
    for (const auto& filter : filters) {
        const auto which = host.which(filter);
        if (which == Milter::foreign)
            continue;
        if (last && which < host.which(*last))
            found.push_back({host.at(used->line),
                             filter.name + " comes after " + last->name,
                             "name them in the order relay, virus, filter: "
                             "what may not be relayed is refused before it is "
                             "scanned, and recipes judge what is clean"});
        else
            last = &filter;
    }
    return found;
}

Findings filter_timeout(const Host& host)
{
    Findings found;
    for (const auto& filter : host.cf.input_filters())
        for (const auto& limit : limits_of(host, filter)) {
            if (filter.end_of_message > limit.time)
                continue;
            found.push_back(
                {host.at(filter.line),
                 filter.name + " has T=E:" + in_seconds(filter.end_of_message) +
                     ", while " + limit.setting + " (" +
                     host.setting(limit.setting) + ") is " +
                     in_seconds(limit.time) +
                     ": mail that is still looked at is deferred",
                 "write T=E:" + in_seconds(limit.time + margin)});
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
        if (inet && is_loopback(spec->host))
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
