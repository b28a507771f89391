// What grows old, and what waits.
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>

#include "milters/control/client.h"
#include "milters/doctor/checks.h"
#include "milters/doctor/child.h"
#include "milters/doctor/cron.h"
#include "milters/doctor/probe.h"
#include "milters/doctor/upkeep.h"
#include "milters/doctor/waits.h"
#include "milters/scanner/clamd.h"
#include "policy/scan/database.h"

namespace milters::doctor {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds limit = 5s;
constexpr std::int64_t day = 24 * 3600;

std::string host_name_of_kernel()
{
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

bool has_dot(const char* name)
{
    return name && std::string_view{name}.find('.') != std::string_view::npos;
}

/// The first name with a dot that /etc/hosts or DNS has.
std::string dotted_name(const std::string& name)
{
    const hostent* entry = ::gethostbyname(name.c_str());
    if (!entry)
        return {};
    if (has_dot(entry->h_name))
        return entry->h_name;
    for (char** alias = entry->h_aliases; *alias; ++alias)
        if (has_dot(*alias))
            return *alias;
    return {};
}

bool is_grants(const Host& host, const policy::sendmail::Map& map)
{
    const bool file =
        map.kind == "hash" || map.kind == "btree" || map.kind == "cdb";
    return file && (map.name == "relayers" || is_grants(host, map.path));
}

/// Whether relay-milter runs with this configuration: it takes old grants out.
bool relay_milter_runs(const Site& site)
{
    const auto& relay = site.config->relay;
    if (relay.relayers.store != "bdb" || relay.relayers.window == 0s)
        return false;
    auto client = control::Client::connect(relay.control_socket.path, limit);
    const auto answer = client ? client->ask({{"command", "status"}})
                               : policy::fail(client.error());
    return answer && answer->contains("relayers");
}

bool scans(const Host& host)
{
    const auto filters = host.cf.input_filters();
    return std::any_of(filters.begin(), filters.end(), [&](const auto& f) {
        const auto which = host.which(f);
        return which == Milter::virus || which == Milter::all_in_one;
    });
}

Findings too_old(const Site& site, const Place& place, std::int64_t made)
{
    const auto& virus = site.config->virus;
    const auto age = std::time(nullptr) - made;
    if (virus.max_age == 0s || age <= virus.max_age.count())
        return {};
    return {{place,
             "the newest virus signatures are " + std::to_string(age / day) +
                 " days old",
             "see why freshclam does not fetch newer ones; virus.max_age (" +
                 site.setting("virus.max_age") + ") sets the bound"}};
}

/// Each clamd tells its own.
Findings signatures_of_clamd(const Site& site)
{
    Findings found;
    for (const auto& server : site.config->virus.clamd) {
        const Place place{server.text()};
        const auto answer =
            in_child(limit, {}, [&] { return ask_clamd(server); });
        const auto info = scanner::read_clamd_version(
            answer && answer->starts_with("ClamAV") ? *answer : "");
        if (info.base_time != 0) {
            auto old = too_old(site, place, info.base_time);
            std::move(old.begin(), old.end(), std::back_inserter(found));
            continue;
        }
        found.push_back({place,
                         "clamd does not tell the age of its signatures: " +
                             (answer ? *answer : answer.error().text),
                         "start it, or correct virus.clamd.servers (" +
                             site.setting("virus.clamd.servers") + ")"});
    }
    return found;
}

}  // namespace

bool waits_for_name()
{
    static const bool waits = [] {
        const auto name = host_name_of_kernel();
        if (has_dot(name.c_str()))
            return false;
        const auto found =
            in_child(limit, {}, [&] { return dotted_name(name); });
        return !found || found->empty();
    }();
    return waits;
}

Findings host_name(const Host&)
{
    if (!waits_for_name())
        return {};
    const auto name = host_name_of_kernel();
    return {{{"/etc/hosts"},
             "the host is called " + name +
                 ", and no name with a dot is known for it: sendmail waits "
                 "60 s at each start",
             "write a line `ADDRESS " + name + ".your.domain " + name + "'"}};
}

Findings old_signatures(const Host& host)
{
    return scans(host) ? signatures(host) : Findings{};
}

Findings signatures(const Site& site)
{
    const auto& virus = site.config->virus;
    if (virus.engine == "clamd")
        return signatures_of_clamd(site);
    const Place place{virus.scan.database};
    const auto state = policy::scan::look_at_database(virus.scan.database);
    if (!state)
        return {{place, "there are no virus signatures: " + state.error().text,
                 "run freshclam, or correct virus.database (" +
                     site.setting("virus.database") + ")"}};
    return too_old(site, place, state->newest);
}

bool is_grants(const Site& site, const std::string& path)
{
    const auto& ours = site.config->relay.relayers.file;
    return path == ours || path + ".db" == ours;
}

bool grants_end(const Site& site)
{
    return std::any_of(site.crontabs.begin(), site.crontabs.end(),
                       expires_grants) ||
           relay_milter_runs(site);
}

Findings endless_grants(const Site& site, const Place& place,
                        const std::string& path)
{
    if (grants_end(site))
        return {};
    return {{place,
             "the MTA reads grants from " + path +
                 ", and nothing takes old ones out: who has logged in once "
                 "may relay for ever",
             "let cron run `vsmtprelay expire 30', see contrib/cron, or let "
             "relay-milter run"}};
}

Findings no_expire(const Host& host)
{
    Findings found;
    for (const auto& map : host.cf.maps())
        if (is_grants(host, map))
            for (auto& one : endless_grants(host, host.at(map.line), map.path))
                found.push_back(std::move(one));
    return found;
}

}  // namespace milters::doctor
