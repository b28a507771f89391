// All grants in memory, found by address in a fraction of a microsecond.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/relayers/store.h"

namespace policy::relayers {

/// A hash of grants by network.  A client is looked up once for each prefix
/// length that is in use (one, as long as there are only addresses).
/// Memory: about 110 octets a grant, and its words beyond 15 octets.
/// Thread rule: as a container; the owner locks.
class GrantSet {
public:
    /// Room for so many; only saves time.
    void reserve(std::size_t grants);
    /// Stores or replaces.  @return whether it was new
    bool put(const Grant& grant);
    /// @return whether it was there
    bool erase(const Network& network);

    std::optional<Grant> exact(const Network& network) const;
    /// See Store::find.
    std::optional<Grant> find(const ClientAddr& client, Seconds now,
                              std::chrono::seconds window) const;

    /// See Store::covering.
    std::vector<Grant> covering(const Network& network) const;
    /// Prefixes that a login from this address opened.
    std::vector<Network> opened_by(const ClientAddr& addr) const;

    std::size_t size() const { return grants_.size(); }
    /// How many are wider than one address.
    std::size_t networks() const;
    void for_each(const std::function<void(const Grant&)>& visit) const;
    /// All of them, in no order.
    std::vector<Grant> all() const;

    /// See Store::page.
    Page page(const std::optional<Network>& after, std::size_t limit) const;

    /// Collects what has expired, looking at a part of the set only.
    /// @param place  where the last call ended; 0 at first
    /// @param limit  how many grants are looked at, about
    /// @return place for the next call; 0 when the end was reached
    std::size_t expired(std::size_t place, std::size_t limit, Seconds now,
                        std::chrono::seconds window,
                        std::vector<Network>& out) const;

private:
    /// Octets with IPv4 at ::ffff:0:0/96, and bits counted from there.
    struct Key {
        std::array<std::uint8_t, 16> octets;
        std::uint8_t bits;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Hash {
        std::size_t operator()(const Key& key) const;
    };
    /// Seconds, so that expiry is judged without reading the words.
    struct Kept {
        std::int64_t login;
        std::int64_t expires;  ///< never: no_end
        std::string words;     ///< the value behind the time
    };
    using Map = std::unordered_map<Key, Kept, Hash>;

    static constexpr std::int64_t no_end = -1;
    static constexpr std::size_t all_bits = 128;

    static Key key_for(const Network& network);
    static Network network_for(const Key& key);
    static Grant grant_for(const Map::value_type& entry);
    static bool is_expired(const Kept& kept, Seconds now,
                           std::chrono::seconds window);

    Map grants_;
    std::array<std::size_t, all_bits + 1> lengths_{};  ///< grants by bits
};

}  // namespace policy::relayers
