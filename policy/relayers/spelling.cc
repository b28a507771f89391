#include "policy/relayers/spelling.h"

#include <optional>
#include <string>
#include <utility>

#include "policy/relayers/grant_text.h"

namespace policy::relayers {
namespace {

/// The compressed spelling of an address that is spelled in full; nullopt for
/// any other key, and where the two are the same.
std::optional<std::string> compressed(std::string_view key)
{
    if (!key.starts_with("ipv6:"))
        return std::nullopt;
    const auto network = network_of(key);
    if (!network || !network->is_host() || key_of(*network) != key)
        return std::nullopt;
    std::string text = "ipv6:" + network->address().text();
    return text == key ? std::nullopt : std::optional{std::move(text)};
}

}  // namespace

Ipv6Keys ipv6_keys_of(std::string_view name)
{
    return name == "both"         ? Ipv6Keys::both
           : name == "compressed" ? Ipv6Keys::compressed
                                  : Ipv6Keys::full;
}

std::vector<map::Change> spelled(const std::vector<map::Change>& changes,
                                 Ipv6Keys keys)
{
    if (keys == Ipv6Keys::full)
        return changes;
    std::vector<map::Change> out;
    for (const auto& change : changes) {
        auto shorter = compressed(change.key);
        const bool full = !shorter || keys == Ipv6Keys::both;
        out.push_back({change.key, full ? change.value : std::nullopt});
        if (shorter)
            out.push_back({*std::move(shorter), change.value});
    }
    return out;
}

map::Entries spelled(map::Entries entries, Ipv6Keys keys)
{
    if (keys == Ipv6Keys::full)
        return entries;
    return [entries = std::move(entries), keys](const auto& put) {
        entries([&put, keys](std::string_view key, std::string_view value) {
            const auto shorter = compressed(key);
            if (!shorter || keys == Ipv6Keys::both)
                put(key, value);
            if (shorter)
                put(*shorter, value);
        });
    };
}

}  // namespace policy::relayers
