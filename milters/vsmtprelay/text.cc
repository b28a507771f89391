#include "milters/vsmtprelay/text.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <map>

#include "policy/relayers/grant_text.h"

namespace milters::vsmtprelay {
namespace {

using control::Json;
using policy::Errc;
using policy::fail;
using policy::Result;
using policy::Seconds;
using policy::relayers::Grant;

constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed",
                                          "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr",
                                             "May", "Jun", "Jul", "Aug",
                                             "Sep", "Oct", "Nov", "Dec"};

/// A time taken apart.
struct Parts {
    explicit Parts(Seconds time)
        : day{std::chrono::floor<std::chrono::days>(time)},
          date{day},
          clock{time - day},
          weekday{std::chrono::weekday{day}.c_encoding()}
    {
    }
    int year() const { return int{date.year()}; }
    unsigned month() const { return unsigned{date.month()}; }
    unsigned mday() const { return unsigned{date.day()}; }
    int hour() const { return int(clock.hours().count()); }
    int minute() const { return int(clock.minutes().count()); }
    int second() const { return int(clock.seconds().count()); }

    std::chrono::sys_days day;
    std::chrono::year_month_day date;
    std::chrono::hh_mm_ss<std::chrono::seconds> clock;
    unsigned weekday;
};

std::int64_t ticks(Seconds time)
{
    return time.time_since_epoch().count();
}

Seconds at(std::int64_t n)
{
    return Seconds{std::chrono::seconds{n}};
}

Result<Grant> from_json(std::string_view line)
try {
    const auto json = Json::parse(line);
    const auto network =
        control::parse_grantee(json.at("address").get<std::string>());
    if (!network)
        return fail(network.error());
    Grant grant{*network, at(json.at("ticks").get<std::int64_t>()),
                json.value("user", ""), json.value("service", "")};
    grant.reason = json.value("reason", "");
    if (json.contains("until"))
        grant.expires = at(json.at("until").get<std::int64_t>());
    if (json.contains("opener"))
        grant.opener =
            policy::ClientAddr::parse(json.at("opener").get<std::string>());
    return grant;
} catch (const Json::exception& e) {
    return fail(Errc::parse, std::string{"not a grant: "} + e.what());
}

Result<Grant> from_makemap(std::string_view line)
{
    const auto key = line.substr(0, line.find_first_of(" \t"));
    if (key.empty())
        return fail(Errc::parse, "a line begins with the address");
    const auto network = control::parse_grantee(key);
    if (!network)
        return fail(network.error());
    const auto grant = policy::relayers::grant_of(key, line.substr(key.size()));
    if (!grant)
        return fail(Errc::parse, "no time in seconds behind the address");
    return *grant;
}

Result<Grant> from_line(std::string_view line)
{
    auto grant = line.front() == '{' ? from_json(line) : from_makemap(line);
    if (grant)
        if (const auto value = value_of(*grant); !value)
            return fail(Errc::parse, value.error().text);
    return grant;
}

}  // namespace

std::string asctime_utc(Seconds time)
{
    const Parts t{time};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%s %s %2u %02d:%02d:%02d %d",
                  days.at(t.weekday), months.at(t.month() - 1), t.mday(),
                  t.hour(), t.minute(), t.second(), t.year());
    return text.data();
}

std::string iso_utc(Seconds time)
{
    const Parts t{time};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                  t.year(), t.month(), t.mday(), t.hour(), t.minute(),
                  t.second());
    return text.data();
}

std::string listing(const Grant& grant)
{
    return "# timestamp (UTC): " + asctime_utc(grant.login) + "\n" +
           control::entries_text({grant});
}

std::string other_listing(std::string_view key, std::string_view value,
                          bool comment)
{
    const auto breaks = [](std::string_view text) {
        return text.find_first_of(std::string_view{"\n\r\0", 3}) != text.npos;
    };
    if (key.empty() || value.empty() || key.front() == '#' || breaks(key) ||
        breaks(value) || key.find_first_of(" \t") != key.npos ||
        value.front() == ' ' || value.front() == '\t')
        return "# not for makemap: " + policy::relayers::percent_encoded(key) +
               "\t" + policy::relayers::percent_encoded(value) + "\n";
    const auto digits = value.substr(0, value.find_first_not_of("0123456789"));
    const auto time = policy::relayers::parse_ticks(digits);
    std::string text;
    if (comment)
        text = time ? "# timestamp (UTC): " + asctime_utc(*time) + "\n"
                    : "# no timestamp\n";
    return text.append(key).append("\t").append(value).append("\n");
}

Json json_of(const Grant& grant)
{
    Json json{{"address", grant.network.text()},
              {"ticks", ticks(grant.login)},
              {"time", iso_utc(grant.login)}};
    if (!grant.user.empty())
        json["user"] = grant.user;
    if (!grant.service.empty())
        json["service"] = grant.service;
    if (grant.expires)
        json["until"] = ticks(*grant.expires);
    if (!grant.reason.empty())
        json["reason"] = grant.reason;
    if (grant.opener)
        json["opener"] = grant.opener->text();
    return json;
}

std::string exported(const Grant& grant)
{
    const auto line = control::line_of(json_of(grant));
    const auto text = control::entries_text({grant});
    const auto back = from_json(line);
    return back && control::entries_text({*back}) == text ? line : text;
}

Result<std::vector<Grant>> read_entries(std::string_view text,
                                        const std::string& name)
{
    std::vector<Grant> grants;
    std::map<policy::Network, std::size_t> lines;
    for (std::size_t number = 1; !text.empty(); ++number) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.empty() || line.front() == '#')
            continue;
        const auto place = name + ":" + std::to_string(number) + ": ";
        auto grant = from_line(line);
        if (!grant)
            return fail(Errc::parse, place + grant.error().text);
        const auto [first, fresh] = lines.emplace(grant->network, number);
        if (!fresh)
            return fail(Errc::parse, place + grant->network.text() +
                                         ": again, as in line " +
                                         std::to_string(first->second));
        grants.push_back(std::move(*grant));
    }
    return grants;
}

std::optional<std::chrono::seconds> parse_length(std::string_view text)
{
    static const std::map<char, std::int64_t> units{
        {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    constexpr std::int64_t most = 10'000'000'000;
    std::int64_t sum = 0;
    while (!text.empty()) {
        std::int64_t n = 0;
        const char* const end = text.data() + text.size();
        const auto [rest, ec] = std::from_chars(text.data(), end, n);
        if (ec != std::errc{} || rest == end || n < 0 || n > most)
            return std::nullopt;
        const auto unit = units.find(*rest);
        if (unit == units.end())
            return std::nullopt;
        sum += n * unit->second;
        if (sum > most)
            return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(rest - text.data()) + 1);
    }
    if (sum == 0)
        return std::nullopt;
    return std::chrono::seconds{sum};
}

}  // namespace milters::vsmtprelay
