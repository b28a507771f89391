#include "policy/relayers/redis_address.h"

#include <charconv>

namespace policy::relayers {
namespace {

constexpr std::string_view tcp_scheme = "redis://";
constexpr std::string_view unix_scheme = "redis+unix:";
constexpr int max_port = 65535;
constexpr int max_database = 9999;

bool to_number(std::string_view text, int max, int& number)
{
    const char* const end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, number);
    return ec == std::errc{} && rest == end && number >= 0 && number <= max;
}

/// What is behind the last `mark`; that and the mark are taken off `text`.
std::optional<std::string_view> split_off(std::string_view& text, char mark)
{
    const auto at = text.rfind(mark);
    if (at == text.npos)
        return std::nullopt;
    const auto tail = text.substr(at + 1);
    text = text.substr(0, at);
    return tail;
}

bool set_host(RedisAddress& address, std::string_view text)
{
    const bool brackets = text.starts_with('[');
    const auto close = text.find(']');
    if (brackets && close == text.npos)
        return false;
    auto tail = brackets ? text.substr(close + 1)
                         : text.substr(std::min(text.find(':'), text.size()));
    address.host = brackets ? text.substr(1, close - 1)
                            : text.substr(0, text.size() - tail.size());
    if (tail.empty())
        return !address.host.empty();
    return tail.front() == ':' && !address.host.empty() &&
           to_number(tail.substr(1), max_port, address.port) &&
           address.port != 0;
}

std::optional<RedisAddress> parse_unix(std::string_view text)
{
    RedisAddress address;
    if (const auto query = text.find('?'); query != text.npos) {
        if (!to_number(text.substr(query + 1), max_database, address.database))
            return std::nullopt;
        text = text.substr(0, query);
    }
    if (!text.starts_with('/'))
        return std::nullopt;
    address.path = text;
    return address;
}

}  // namespace

std::optional<RedisAddress> RedisAddress::parse(std::string_view url)
{
    if (url.starts_with(unix_scheme))
        return parse_unix(url.substr(unix_scheme.size()));
    if (!url.starts_with(tcp_scheme))
        return std::nullopt;
    url.remove_prefix(tcp_scheme.size());
    RedisAddress address;
    auto authority = url;
    if (const auto host = split_off(authority, '@')) {
        url = *host;
        const auto colon = authority.find(':');
        if (colon == authority.npos)
            return std::nullopt;
        address.user = authority.substr(0, colon);
        address.password = authority.substr(colon + 1);
    }
    if (const auto slash = url.find('/'); slash != url.npos) {
        const auto database = url.substr(slash + 1);
        if (!database.empty() &&
            !to_number(database, max_database, address.database))
            return std::nullopt;
        url = url.substr(0, slash);
    }
    if (!set_host(address, url))
        return std::nullopt;
    return address;
}

std::string RedisAddress::text() const
{
    if (host.empty())
        return "redis " + path;
    const bool six = host.find(':') != host.npos;
    return "redis " + (six ? "[" + host + "]" : host) + ":" +
           std::to_string(port);
}

}  // namespace policy::relayers
