#include "policy/log_json.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

namespace policy {
namespace {

using Json = nlohmann::ordered_json;

std::string utc(Seconds when)
{
    const std::time_t seconds = when.time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const auto n =
        std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), n};
}

void put(Json& out, const char* key, const std::string& value)
{
    if (!value.empty())
        out[key] = value;
}

Json why_json(const Why& why)
{
    Json out = Json::object();
    put(out, "policy", why.policy);
    put(out, "rule", why.rule);
    put(out, "source", why.source);
    put(out, "key", why.key);
    put(out, "value", why.value);
    return out;
}

/// The questions asked, or of a decision without them the last one.
Json trace_json(const Decision& decision)
{
    Json out = Json::array();
    for (const auto& why : decision.trace)
        out.push_back(why_json(why));
    if (out.empty() && !decision.why.rule.empty())
        out.push_back(why_json(decision.why));
    return out;
}

Json client_json(const Judged& judged)
{
    Json out = Json::object();
    put(out, "addr", judged.client_addr);
    put(out, "name", judged.client_name);
    put(out, "resolve", judged.client_resolve);
    put(out, "helo", judged.helo);
    return out;
}

}  // namespace

std::string decision_json(const Decision& decision, const Judged& judged)
{
    Json out = Json::object();
    out["time"] = utc(judged.when);
    put(out, "id", judged.id);
    put(out, "queue_id", judged.queue_id);
    put(out, "program", judged.program);
    out["stage"] = name_of(decision.stage);
    out["verdict"] = name_of(decision.verdict);
    out["code"] = decision.reply.code;
    put(out, "enhanced", decision.reply.enhanced);
    put(out, "text", decision.reply.text);
    out["relay"] = decision.relay;
    out["client"] = client_json(judged);
    if (!judged.auth_type.empty())
        out["auth"] = {{"type", judged.auth_type}, {"user", judged.auth_user}};
    put(out, "from", judged.from);
    put(out, "rcpt", judged.rcpt);
    if (judged.test)
        out["test"] = true;
    out["why"] = why_json(decision.why);
    out["trace"] = trace_json(decision);
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace policy
