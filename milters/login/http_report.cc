#include "milters/login/http_report.h"

#include <cstdint>
#include <nlohmann/json.hpp>

namespace milters::login {
namespace {

using Json = nlohmann::json;
using Outcome = HttpReport::Outcome;

/// A string member; nullopt if it is missing or of another type.
std::optional<std::string> text_of(const Json& object, const char* key)
{
    const auto it = object.find(key);
    if (it == object.end() || !it->is_string())
        return std::nullopt;
    return it->get<std::string>();
}

std::optional<bool> bool_of(const Json& object, const char* key)
{
    const auto it = object.find(key);
    if (it == object.end() || !it->is_boolean())
        return std::nullopt;
    return it->get<bool>();
}

Json parse(std::string_view text)
{
    return Json::parse(text, nullptr, false);
}

HttpReport login_of(const Json& fields, const char* user, const char* ip,
                    const char* service, const char* method)
{
    const auto address = text_of(fields, ip);
    const auto protocol = text_of(fields, service);
    if (!address || !protocol || protocol->empty())
        return {};
    return {Outcome::login, *address, text_of(fields, user).value_or(""),
            *protocol, text_of(fields, method).value_or("")};
}

int base64_value(char c)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto at = alphabet.find(c);
    return at == alphabet.npos ? -1 : static_cast<int>(at);
}

std::optional<std::string> base64(std::string_view text)
{
    std::string out;
    std::uint32_t bits = 0;
    int have = 0;
    while (!text.empty() && text.back() == '=')
        text.remove_suffix(1);
    for (const char c : text) {
        const int value = base64_value(c);
        if (value < 0)
            return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        have += 6;
        if (have >= 8) {
            have -= 8;
            out += static_cast<char>((bits >> have) & 0xff);
        }
    }
    return out;
}

}  // namespace

HttpReport parse_policy_report(std::string_view json, Use use)
{
    const Json report = parse(json);
    if (!report.is_object())
        return {};
    const auto success = bool_of(report, "success");
    const auto rejected = bool_of(report, "policy_reject");
    if (!success || !rejected)
        return {};
    if (!*success || *rejected)
        return {Outcome::failure};
    return login_of(report, "login", use == Use::real ? "real" : "remote",
                    "protocol", "mech");
}

HttpReport parse_event(std::string_view json, Use use)
{
    const Json event = parse(json);
    if (!event.is_object())
        return {};
    const auto fields = event.find("fields");
    const auto name = text_of(event, "event");
    if (!name || fields == event.end() || !fields->is_object())
        return {};
    if (*name != "auth_request_finished")
        return {Outcome::ignored};
    if (text_of(*fields, "success") != "yes")
        return {Outcome::failure};
    return login_of(*fields, "user",
                    use == Use::real ? "real_remote_ip" : "remote_ip",
                    "service", "mechanism");
}

std::string command_of(std::string_view query)
{
    constexpr std::string_view key = "command=";
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        if (pair.starts_with(key))
            return std::string{pair.substr(key.size())};
        query.remove_prefix(std::min(query.size(), pair.size() + 1));
    }
    return {};
}

std::optional<std::string> basic_password(std::string_view header)
{
    constexpr std::string_view scheme = "Basic ";
    if (!header.starts_with(scheme))
        return std::nullopt;
    const auto both = base64(header.substr(scheme.size()));
    if (!both)
        return std::nullopt;
    const auto colon = both->find(':');
    if (colon == both->npos)
        return std::nullopt;
    return both->substr(colon + 1);
}

}  // namespace milters::login
