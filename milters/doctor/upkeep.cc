// What grows old, and what waits.
#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>

#include "milters/control/client.h"
#include "milters/doctor/checks.h"
#include "milters/doctor/child.h"
#include "milters/doctor/waits.h"
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

/// Whether a program writes the hash file that `map` is of.
bool is_grants(const Host& host, const policy::sendmail::Map& map)
{
    const bool file =
        map.kind == "hash" || map.kind == "btree" || map.kind == "cdb";
    const auto& ours = host.config->relay.relayers.file;
    return file && (map.name == "relayers" || map.path == ours ||
                    map.path + ".db" == ours);
}

bool expires(const std::string& crontab)
{
    std::ifstream in{crontab};
    for (std::string line; std::getline(in, line);)
        if (!line.empty() && line.front() != '#' &&
            line.find("vsmtprelay") != line.npos &&
            line.find("expire") != line.npos)
            return true;
    return false;
}

/// Whether relay-milter runs with this configuration: it takes old grants out.
bool relay_milter_runs(const Host& host)
{
    const auto& relay = host.config->relay;
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
    const auto& virus = host.config->virus;
    if (!scans(host) || virus.engine != "libclamav")
        return {};
    const Place place{virus.scan.database};
    const auto state = policy::scan::look_at_database(virus.scan.database);
    if (!state)
        return {{place, "there are no virus signatures: " + state.error().text,
                 "run freshclam, or correct virus.database (" +
                     host.setting("virus.database") + ")"}};
    const auto age = std::time(nullptr) - state->newest;
    if (virus.max_age == 0s || age <= virus.max_age.count())
        return {};
    return {{place,
             "the newest virus signatures are " + std::to_string(age / day) +
                 " days old",
             "see why freshclam does not fetch newer ones; virus.max_age (" +
                 host.setting("virus.max_age") + ") sets the bound"}};
}

Findings no_expire(const Host& host)
{
    Findings found;
    for (const auto& map : host.cf.maps()) {
        const bool grants = is_grants(host, map);
        if (!grants ||
            std::any_of(host.crontabs.begin(), host.crontabs.end(), expires) ||
            relay_milter_runs(host))
            continue;
        found.push_back({host.at(map.line),
                         "sendmail reads grants from " + map.path +
                             ", and nothing takes old ones out: who has "
                             "logged in once may relay for ever",
                         "let cron run `vsmtprelay expire 30', see "
                         "contrib/cron, or let relay-milter run"});
    }
    return found;
}

}  // namespace milters::doctor
