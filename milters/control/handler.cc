#include "milters/control/handler.h"

#include <sysexits.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/relayers/grant_text.h"
#include "policy/relayers/width.h"

namespace milters::control {
namespace {

using policy::Errc;
using policy::fail;
using policy::Network;
using policy::Result;
using policy::Seconds;
using policy::relayers::Event;
using policy::relayers::Grant;
using policy::relayers::Page;
using policy::relayers::Standing;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr int not_found = 1;
/// Ten thousand years; beyond, times of day overflow.
constexpr std::int64_t max_minutes = 5'259'600'000;
constexpr std::size_t watch_limit = 1000;

Json with_entries(const std::vector<Grant>& grants)
{
    return {{"ok", true},
            {"count", grants.size()},
            {"entries", entries_text(grants)}};
}

Result<minutes> minutes_of(const Json& request, const char* name)
{
    const auto n = request.value(name, std::int64_t{0});
    if (n < 0 || n > max_minutes)
        return fail(Errc::usage,
                    std::to_string(n) + ": not a number of minutes");
    return minutes{n};
}

/// The grant that `add` asks for.
Result<Grant> wanted(const Json& request, Seconds now)
{
    const auto network =
        parse_grantee(request.at("address").get<std::string>());
    if (!network)
        return fail(network.error());
    const auto present = now.time_since_epoch().count();
    Grant grant{*network, Seconds{seconds{request.value("ticks", present)}},
                request.value("user", ""), request.value("service", "")};
    grant.reason = request.value("reason", "");
    if (request.contains("for")) {
        const auto length = request.at("for").get<std::int64_t>();
        if (length <= 0 || length > policy::relayers::max_ticks)
            return fail(Errc::usage, "not a length of time");
        grant.expires = now + seconds{length};
    }
    if (request.contains("until"))
        grant.expires =
            Seconds{seconds{request.at("until").get<std::int64_t>()}};
    if (const auto value = value_of(grant); !value)
        return fail(Errc::parse, network->text() + ": " + value.error().text);
    return grant;
}

Json add(const Json& request, const Service& service)
{
    const auto grant = wanted(request, service.clock());
    if (!grant)
        return failure(grant.error());
    if (auto added = service.store.add(*grant); !added)
        return failure(added.error());
    return with_entries({*grant});
}

Json remove(const Json& request, const Service& service)
{
    std::vector<Network> networks;
    for (const auto& text : request.at("addresses")) {
        const auto network = parse_target(text.get<std::string>());
        if (!network)
            return failure(network.error());
        networks.push_back(*network);
    }
    const auto gone = service.store.remove_all(networks);
    if (!gone)
        return failure(gone.error());
    std::string missing;
    for (const auto& network : networks)
        if (std::find(gone->begin(), gone->end(), network) == gone->end())
            missing += (missing.empty() ? "" : ", ") + network.text();
    if (!missing.empty())
        return failure(not_found, missing + ": not found");
    return {{"ok", true}, {"count", gone->size()}};
}

/// nullopt: it lasts until somebody removes it.
std::optional<Seconds> end_of(const Grant& grant, seconds window)
{
    if (grant.expires)
        return grant.expires;
    if (window.count() == 0)
        return std::nullopt;
    return grant.login + window;
}

Json show(const Json& request, const Service& service)
{
    const auto target = parse_target(request.at("address").get<std::string>());
    if (!target)
        return failure(target.error());
    const auto grants = service.store.covering(*target);
    if (!grants)
        return failure(grants.error());
    if (grants->empty())
        return failure(not_found, target->text() + ": not found");
    Json answer = with_entries(*grants);
    for (const auto& grant : *grants) {
        const bool valid =
            standing(grant, service.clock(), service.window) == Standing::valid;
        const auto end = end_of(grant, service.window);
        const bool wide = policy::relayers::too_wide(grant.network);
        answer["standing"].push_back(wide    ? "too wide, never counts"
                                     : valid ? "valid"
                                             : "expired");
        answer["ends"].push_back(
            end && !wide ? Json(end->time_since_epoch().count()) : Json());
    }
    return answer;
}

/// The grants behind the one that is named by `after`.
Result<Page> page_of(const Json& request, const Service& service)
{
    std::optional<Network> after;
    if (request.contains("after")) {
        const auto text = request.at("after").get<std::string>();
        after = Network::parse(text);
        if (!after)
            return fail(Errc::usage, text + ": not an address or network");
    }
    return service.store.page(after, service.page);
}

/// `next` of the answer, if there is one.
Json next_of(const Page& page)
{
    if (!page.more || page.grants.empty())
        return Json::object();
    return {{"next", page.grants.back().network.text()}};
}

Json list(const Json& request, const Service& service)
{
    const auto older = minutes_of(request, "minutes");
    if (!older)
        return failure(older.error());
    const auto newer = minutes_of(request, "newer");
    if (!newer)
        return failure(newer.error());
    auto page = page_of(request, service);
    if (!page)
        return failure(page.error());
    const auto next = next_of(*page);
    const auto now = service.clock();
    const auto user = request.value("user", "");
    const bool only_newer = request.contains("newer");
    std::erase_if(page->grants, [&](const Grant& grant) {
        if (!user.empty() && grant.user != user)
            return true;
        if (only_newer)
            return grant.login <= now - *newer || grant.login > now;
        return !selected(grant, now, *older);
    });
    auto answer = with_entries(page->grants);
    answer.update(next);
    return answer;
}

Json export_all(const Json& request, const Service& service)
{
    const auto page = page_of(request, service);
    if (!page)
        return failure(page.error());
    auto answer = with_entries(page->grants);
    answer.update(next_of(*page));
    return answer;
}

Json dump(const Json& request, const Service& service)
{
    auto answer = export_all(request, service);
    if (!answer.at("ok").get<bool>() || answer.contains("next"))
        return answer;
    const auto others = service.store.others();
    if (!others)
        return failure(others.error());
    answer["others"] = Json::array();
    for (const auto& [key, value] : *others)
        answer["others"].push_back({policy::relayers::percent_encoded(key),
                                    policy::relayers::percent_encoded(value)});
    return answer;
}

Json expire(const Json& request, const Service& service)
{
    if (request.value("dry_run", false))
        return list(request, service);
    const auto older = minutes_of(request, "minutes");
    if (!older)
        return failure(older.error());
    const auto now = service.clock();
    const auto gone = service.store.remove_where(
        [&](const Grant& grant) { return selected(grant, now, *older); });
    if (!gone)
        return failure(gone.error());
    return {{"ok", true}, {"count", gone->size()}};
}

Json import(const Json& request, const Service& service)
{
    const auto grants =
        parse_entries(request.at("entries").get<std::string>(), "entries");
    if (!grants)
        return failure(grants.error());
    for (const auto& grant : *grants)
        if (const auto fine = parse_grantee(grant.network.text()); !fine)
            return failure(fine.error());
    if (auto added = service.store.add_all(*grants); !added)
        return failure(added.error());
    return {{"ok", true}, {"count", grants->size()}};
}

Json stats(const Json&, const Service& service)
{
    if (const auto readable = service.store.others(); !readable)
        return failure(readable.error());
    const auto now = service.store.stats();
    return {{"ok", true},
            {"grants", now.grants},
            {"networks", now.networks},
            {"others", now.others},
            {"pending", now.pending},
            {"snapshots", now.snapshots},
            {"snapshot_ms", now.snapshot_time.count()},
            {"foreign_changes", now.foreign_changes},
            {"failures", now.failures},
            {"last_error", now.last_error}};
}

Json verify(const Json& request, const Service& service)
{
    const auto check = service.store.verify(request.value("repair", false));
    if (!check)
        return failure(check.error());
    return {{"ok", true},
            {"problems", check->problems},
            {"repairs", check->repairs}};
}

const char* name_of(Event::Kind kind)
{
    switch (kind) {
        case Event::Kind::added:
            return "added";
        case Event::Kind::removed:
            return "removed";
        case Event::Kind::expired:
            return "expired";
        case Event::Kind::reloaded:
            break;
    }
    return "reloaded";
}

Json watch(const Json& request, const Service& service)
{
    if (!service.feed)
        return failure(EX_UNAVAILABLE, "watch needs relay-milter");
    const auto after = request.value("after", service.feed->newest());
    Json answer{{"ok", true}, {"next", after}, {"events", Json::array()}};
    for (const auto& fed : service.feed->since(after, watch_limit)) {
        Json event{{"time", fed.time.time_since_epoch().count()},
                   {"event", name_of(fed.event.kind)}};
        if (fed.event.kind != Event::Kind::reloaded)
            event["entries"] = entries_text({fed.event.grant});
        answer["events"].push_back(std::move(event));
        answer["next"] = fed.number;
    }
    return answer;
}

using Command = Json (*)(const Json&, const Service&);

const std::map<std::string_view, Command> commands{
    {"add", add},       {"delete", remove},     {"show", show},
    {"list", list},     {"dump", dump},         {"expire", expire},
    {"import", import}, {"export", export_all}, {"stats", stats},
    {"verify", verify}, {"watch", watch}};

}  // namespace

bool selected(const Grant& grant, Seconds now, minutes age)
{
    if (grant.expires && age.count() != 0)
        return *grant.expires <= now;
    return grant.login <= now - age || (grant.expires && *grant.expires <= now);
}

Json handle(const Json& request, const Service& service)
try {
    if (service.others)
        if (auto answer = service.others(request))
            return std::move(*answer);
    const auto name = request.at("command").get<std::string>();
    const auto command = commands.find(name);
    if (command == commands.end())
        return failure(EX_USAGE, name + ": no such command");
    return command->second(request, service);
} catch (const Json::exception& e) {
    return failure(EX_USAGE, std::string{"malformed request: "} + e.what());
}

std::string answer(std::string_view line, const Service& service)
{
    const auto request = Json::parse(line, nullptr, false);
    if (!request.is_object())
        return line_of(failure(EX_USAGE, "a request is a JSON object"));
    return line_of(handle(request, service));
}

}  // namespace milters::control
