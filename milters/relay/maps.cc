#include "milters/relay/maps.h"

#include <algorithm>

#include "milters/net/netstring.h"

namespace milters::relay {
namespace {

using policy::ClientAddr;
using policy::relayers::Grant;
using policy::relayers::Standing;

const std::string not_found = "NOTFOUND ";

/// The reason goes to the MTA's log: one line, and no longer than it takes.
std::string temp(const policy::Error& error)
{
    constexpr std::size_t longest = 200;
    return "TEMP " + policy::printable(error.text).substr(0, longest);
}

/// The grant that counts now; an empty optional if there is none.
policy::Result<std::optional<Grant>> grant_of(const Runtime& runtime,
                                              std::string_view key)
{
    const auto client = ClientAddr::parse(key);
    const auto& world = runtime.world;
    if (!client || !client->is_ip() || !world.relayers)
        return std::optional<Grant>{};
    auto grant = world.relayers->find(*client);
    if (grant && *grant &&
        standing(**grant, world.clock(), world.window) != Standing::valid)
        return std::optional<Grant>{};
    return grant;
}

std::string relayers(const Runtime& runtime, std::string_view key)
{
    const auto grant = grant_of(runtime, key);
    if (!grant)
        return temp(grant.error());
    if (!*grant)
        return not_found;
    return "OK " + std::to_string((*grant)->login.time_since_epoch().count());
}

std::string relayers_postfix(const Runtime& runtime, std::string_view key)
{
    const auto grant = grant_of(runtime, key);
    if (!grant)
        return temp(grant.error());
    return *grant ? "OK OK" : not_found;
}

std::string access(const Runtime& runtime, std::string_view key)
{
    if (!runtime.world.access)
        return not_found;
    const auto snapshot = runtime.world.access->current();
    if (!snapshot)
        return temp(snapshot.error());
    std::string folded{key};
    std::transform(folded.begin(), folded.end(), folded.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    const auto value = (*snapshot)->find(folded);
    return value ? "OK " + std::string(*value) : not_found;
}

}  // namespace

std::string answer_map(const Runtime& runtime, std::string_view request)
{
    const auto blank = request.find(' ');
    const auto map = request.substr(0, blank);
    if (blank == std::string_view::npos)
        return "PERM no key in the request";
    const auto key = request.substr(blank + 1);
    if (map == "relayers")
        return relayers(runtime, key);
    if (map == "relayers_postfix")
        return relayers_postfix(runtime, key);
    if (map == "access")
        return access(runtime, key);
    return "PERM no such map";
}

net::Protocol socketmap_protocol(
    std::function<std::shared_ptr<const Runtime>()> runtime)
{
    net::Protocol protocol;
    protocol.max_request = max_map_request + 16;
    protocol.frame = [](std::string_view input) {
        return net::take_netstring(input, max_map_request);
    };
    protocol.answer = [runtime](const std::string& request) {
        return net::netstring(answer_map(*runtime(), request));
    };
    protocol.late = net::netstring("TEMP no answer in time");
    protocol.bad = net::netstring("PERM not a netstring, or too long");
    return protocol;
}

}  // namespace milters::relay
