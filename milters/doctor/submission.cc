// Ways around the milters for mail that is submitted.
#include <algorithm>

#include "milters/doctor/asking.h"
#include "milters/doctor/checks.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

using policy::sendmail::Daemon;

std::string called(const Daemon& daemon)
{
    return "port " + (daemon.port.empty() ? "25" : daemon.port) +
           (daemon.name.empty() ? "" : " (" + daemon.name + ")");
}

/// Our milters that a daemon with filters of its own leaves out.
std::string left_out(const Host& host, const Daemon& daemon)
{
    std::string names;
    for (const auto& filter : host.cf.input_filters())
        if (host.which(filter) != Milter::foreign &&
            std::find(daemon.filters->begin(), daemon.filters->end(),
                      filter.name) == daemon.filters->end())
            names += (names.empty() ? "" : ", ") + filter.name;
    return names;
}

/// A host as FEATURE(`msp') has it: `[127.0.0.1]`.
bool is_here(std::string name)
{
    std::erase_if(name, [](char c) { return c == '[' || c == ']'; });
    return is_this_host(name);
}

bool has_ours(const Host& host)
{
    const auto filters = host.cf.input_filters();
    return std::any_of(filters.begin(), filters.end(), [&](const auto& f) {
        return host.which(f) != Milter::foreign;
    });
}

/// How mail of `sendmail -t` leaves this host.
Findings local_submission(const Host& host)
{
    if (!host.submit)
        return {{{host.submit_path},
                 "there is none: what programs of this host submit by sendmail "
                 "-t is delivered at once, and no milter sees it",
                 "make submit.cf by FEATURE(`msp')"}};
    const auto hub = host.submit->macro("{MTAHost}");
    if (hub && is_here(hub->value))
        return {};
    return {{{host.submit->path(), hub ? hub->line : 0},
             hub ? "mail of sendmail -t goes to " + hub->value +
                       ", past the milters of this host"
                 : "mail of sendmail -t is not handed to the daemon, so no "
                   "milter sees it",
             "write FEATURE(`msp', `[127.0.0.1]')"}};
}

}  // namespace

Findings submission_bypass(const Host& host)
{
    if (!has_ours(host))
        return {};
    Findings found;
    for (const auto& daemon : host.cf.daemons()) {
        const auto names =
            daemon.filters ? left_out(host, daemon) : std::string{};
        if (!names.empty())
            found.push_back({host.at(daemon.line),
                             called(daemon) +
                                 " has filters of its own, I=, "
                                 "without " +
                                 names,
                             "take I= away, or name all filters there"});
    }
    auto local = local_submission(host);
    std::move(local.begin(), local.end(), std::back_inserter(found));
    return found;
}

}  // namespace milters::doctor
