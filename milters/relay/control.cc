#include "milters/relay/control.h"

#include <sysexits.h>
#include <unistd.h>

#include "milters/control/handler.h"
#include "milters/milter/callbacks.h"
#include "policy/version.h"

namespace milters::relay {
namespace {

using control::Json;

Json numbers(const policy::relayers::Stats& stats)
{
    return {{"grants", stats.grants},
            {"networks", stats.networks},
            {"others", stats.others},
            {"pending", stats.pending},
            {"snapshots", stats.snapshots},
            {"snapshot_ms", stats.snapshot_time.count()},
            {"foreign_changes", stats.foreign_changes},
            {"failures", stats.failures},
            {"last_error", stats.last_error}};
}

Json numbers(const login::Counters& counters)
{
    return {{"logins", counters.logins.load()},
            {"failures", counters.failures.load()},
            {"ignored", counters.ignored.load()},
            {"refused", counters.refused.load()},
            {"malformed", counters.malformed.load()}};
}

Json status(const ControlLinks& links)
{
    const auto activity = milter::activity();
    const auto runtime = links.runtime();
    Json out{{"ok", true},
             {"program", "relay-milter"},
             {"version", policy::version},
             {"pid", getpid()},
             {"started", links.started.time_since_epoch().count()},
             {"config", links.config_file},
             {"test_mode", runtime && runtime->test_mode},
             {"sessions", activity.sessions},
             {"handlers", activity.handlers},
             {"logins", Json::object()}};
    if (const auto store = links.store())
        out["relayers"] = numbers(store->stats());
    if (links.logins)
        for (const auto& [name, counters] : links.logins->counters())
            out["logins"][name] = numbers(*counters);
    return out;
}

Json reload(const ControlLinks& links)
{
    std::string all;
    for (const auto& problem : links.reload())
        all += (all.empty() ? "" : "\n") + problem;
    if (all.empty())
        return {{"ok", true}};
    return control::failure(EX_CONFIG, all);
}

std::optional<Json> others(const Json& request, const ControlLinks& links)
{
    const auto command = request.value("command", Json{});
    if (command == "status")
        return status(links);
    if (command == "reload")
        return reload(links);
    return std::nullopt;
}

/// In place of a store where `store: none` is configured.
class NoStore final : public policy::relayers::Store {
    using Grant = policy::relayers::Grant;
    static auto none()
    {
        return policy::fail(policy::Errc::usage,
                            "no grants are kept: relay.relayers.store: none");
    }

public:
    policy::Result<std::optional<Grant>> find(
        const policy::ClientAddr&) override
    {
        return none();
    }
    policy::Status add(const Grant&) override { return none(); }
    policy::Result<bool> remove(const policy::Network&) override
    {
        return none();
    }
    policy::Result<std::vector<Grant>> list() override { return none(); }
};

net::Frame take_line(std::string_view input)
{
    const auto end = input.find('\n');
    if (end == std::string_view::npos)
        return {};
    return {net::Frame::Kind::request, end + 1,
            std::string(input.substr(0, end))};
}

}  // namespace

std::string answer_control(const std::string& line, const ControlLinks& links)
{
    NoStore none;
    const auto store = links.store();
    const auto runtime = links.runtime();
    control::Service service{.store = store ? *store : none};
    if (runtime) {
        service.clock = runtime->world.clock;
        service.window = runtime->world.window;
    }
    service.feed = links.feed;
    service.page = control_page;
    service.others = [&](const Json& request) {
        return others(request, links);
    };
    return control::answer(line, service);
}

net::Protocol control_protocol(ControlLinks links)
{
    net::Protocol protocol;
    protocol.max_request = control::max_request;
    protocol.frame = take_line;
    protocol.late = control::line_of(
        control::failure(EX_TEMPFAIL, "relay-milter: no answer in time"));
    protocol.bad = control::line_of(
        control::failure(EX_USAGE, "the request is too long or not finished"));
    protocol.answer = [links = std::move(links)](const std::string& line) {
        return answer_control(line, links);
    };
    return protocol;
}

}  // namespace milters::relay
