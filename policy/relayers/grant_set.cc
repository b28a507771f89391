#include "policy/relayers/grant_set.h"

#include <algorithm>
#include <cstring>
#include <queue>
#include <utility>

#include "policy/relayers/grant_text.h"
#include "policy/relayers/width.h"

namespace policy::relayers {
namespace {

constexpr unsigned mapped_bits = 96;

std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> octets,
                                    unsigned bits)
{
    const unsigned whole = bits / 8;
    if (whole == octets.size())
        return octets;
    octets[whole] &= static_cast<std::uint8_t>(0xff00U >> (bits % 8));
    std::fill(octets.begin() + whole + 1, octets.end(), std::uint8_t{0});
    return octets;
}

/// What is written behind the time.  A foreign entry may be longer than what
/// we write ourselves: then reason and unknown words go, and the user only
/// after them.
std::string words_of(const Grant& grant)
{
    if (grant.user.empty() && grant.service.empty() && !grant.expires &&
        grant.reason.empty() && grant.unknown.empty() && !grant.opener)
        return {};
    auto value = value_of(grant);
    if (!value)
        value = value_of({grant.network, grant.login, grant.user, grant.service,
                          grant.expires});
    if (!value)
        value = value_of({grant.network, grant.login, {}, {}, grant.expires});
    if (!value)
        return {};
    return value->substr(std::min(value->find(' '), value->size()));
}

}  // namespace

std::size_t GrantSet::Hash::operator()(const Key& key) const
{
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, key.octets.data(), sizeof high);
    std::memcpy(&low, key.octets.data() + sizeof high, sizeof low);
    std::uint64_t h = (high ^ key.bits) * 0x9e3779b97f4a7c15U;
    h = (h ^ (h >> 32) ^ low) * 0xff51afd7ed558ccdU;
    return h ^ (h >> 32);
}

GrantSet::Key GrantSet::key_for(const Network& network)
{
    const bool v4 = network.address().kind() == ClientAddr::Kind::v4;
    return {network.address().octets(),
            static_cast<std::uint8_t>(network.bits() + (v4 ? mapped_bits : 0))};
}

Network GrantSet::network_for(const Key& key)
{
    const auto addr = ClientAddr::v6(key.octets);  // folds what is IPv4
    const bool v4 = addr.kind() == ClientAddr::Kind::v4;
    return {addr, v4 ? key.bits - mapped_bits : key.bits};
}

Grant GrantSet::grant_for(const Map::value_type& entry)
{
    Grant grant{network_for(entry.first),
                Seconds{std::chrono::seconds{entry.second.login}}};
    read_words(entry.second.words, grant);
    return grant;
}

bool GrantSet::is_expired(const Kept& kept, Seconds now,
                          std::chrono::seconds window)
{
    const auto present = now.time_since_epoch().count();
    if (kept.expires != no_end)
        return present >= kept.expires;
    return window.count() != 0 && present - kept.login >= window.count();
}

void GrantSet::reserve(std::size_t grants)
{
    grants_.reserve(grants);
}

bool GrantSet::put(const Grant& grant)
{
    const auto key = key_for(grant.network);
    Kept kept{
        grant.login.time_since_epoch().count(),
        grant.expires ? grant.expires->time_since_epoch().count() : no_end,
        words_of(grant)};
    const bool is_new = grants_.insert_or_assign(key, std::move(kept)).second;
    lengths_[key.bits] += is_new ? 1 : 0;
    return is_new;
}

bool GrantSet::erase(const Network& network)
{
    const auto key = key_for(network);
    const std::size_t erased = grants_.erase(key);
    lengths_[key.bits] -= erased;
    return erased != 0;
}

std::optional<Grant> GrantSet::exact(const Network& network) const
{
    const auto found = grants_.find(key_for(network));
    if (found == grants_.end())
        return std::nullopt;
    return grant_for(*found);
}

std::optional<Grant> GrantSet::find(const ClientAddr& client, Seconds now,
                                    std::chrono::seconds window) const
{
    if (!client.is_ip())
        return std::nullopt;
    const bool v4 = client.kind() == ClientAddr::Kind::v4;
    const unsigned shortest =
        v4 ? mapped_bits + shortest_ipv4_prefix : shortest_ipv6_prefix;
    auto narrowest = grants_.end();
    for (unsigned bits = all_bits + 1; bits-- > shortest;) {
        if (lengths_[bits] == 0)
            continue;
        const auto found = grants_.find(
            {masked(client.octets(), bits), static_cast<std::uint8_t>(bits)});
        if (found == grants_.end())
            continue;
        if (!is_expired(found->second, now, window))
            return grant_for(*found);
        if (narrowest == grants_.end())
            narrowest = found;
    }
    if (narrowest == grants_.end())
        return std::nullopt;
    return grant_for(*narrowest);
}

std::vector<Grant> GrantSet::covering(const Network& network) const
{
    std::vector<Grant> found;
    const auto key = key_for(network);
    const bool v4 = network.address().kind() == ClientAddr::Kind::v4;
    const unsigned shortest = v4 ? mapped_bits : 0;
    for (unsigned bits = key.bits + 1U; bits-- > shortest;) {
        if (lengths_[bits] == 0)
            continue;
        const auto grant = grants_.find(
            {masked(key.octets, bits), static_cast<std::uint8_t>(bits)});
        if (grant != grants_.end())
            found.push_back(grant_for(*grant));
    }
    return found;
}

std::vector<Network> GrantSet::opened_by(const ClientAddr& addr) const
{
    std::vector<Network> opened;
    for (const auto& grant : covering(Network{addr, all_bits}))
        if (grant.opener == addr)
            opened.push_back(grant.network);
    return opened;
}

std::size_t GrantSet::networks() const
{
    return grants_.size() - lengths_[all_bits];
}

void GrantSet::for_each(const std::function<void(const Grant&)>& visit) const
{
    for (const auto& entry : grants_)
        visit(grant_for(entry));
}

std::vector<Grant> GrantSet::all() const
{
    std::vector<Grant> all;
    all.reserve(size());
    for_each([&all](const Grant& grant) { all.push_back(grant); });
    return all;
}

Page GrantSet::page(const std::optional<Network>& after,
                    std::size_t limit) const
{
    // The lowest so far, the highest of them on top.
    using Entry = std::pair<Network, const Map::value_type*>;
    std::priority_queue<Entry> lowest;
    Page page;
    for (const auto& entry : grants_) {
        const auto network = network_for(entry.first);
        if (after && network <= *after)
            continue;
        const bool full = lowest.size() == limit;
        page.more = page.more || full;
        if (full && network > lowest.top().first)
            continue;
        lowest.emplace(network, &entry);
        if (full)
            lowest.pop();
    }
    page.grants.reserve(lowest.size());
    for (; !lowest.empty(); lowest.pop())
        page.grants.push_back(grant_for(*lowest.top().second));
    std::reverse(page.grants.begin(), page.grants.end());
    return page;
}

std::size_t GrantSet::expired(std::size_t place, std::size_t limit, Seconds now,
                              std::chrono::seconds window,
                              std::vector<Network>& out) const
{
    std::size_t seen = 0;
    for (; place < grants_.bucket_count() && seen < limit; ++place, ++seen)
        for (auto it = grants_.begin(place); it != grants_.end(place); ++it)
            if (is_expired(it->second, now, window))
                out.push_back(network_for(it->first));
    return place < grants_.bucket_count() ? place : 0;
}

}  // namespace policy::relayers
