// The Message-IDs of formail -D, in memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>

namespace policy::filter {

/// Message-IDs that one cache remembers; then the oldest go.
inline constexpr std::size_t seen_ids = 1000;
/// Bytes of a Message-ID that is remembered; longer ones never are doubles.
inline constexpr std::size_t seen_id_bytes = 1000;
/// Caches of one owner; beyond, all of his are forgotten.
inline constexpr std::size_t seen_caches = 16;
/// Users who have caches; beyond, those of all users are forgotten.
inline constexpr std::size_t seen_users = 1000;

/// Whose cache, and its name: nobody can fill or empty another's.
struct SeenCache {
    std::string owner;  ///< empty: site and domains
    std::string name;
};

/// Any thread.
class Seen {
public:
    bool contains(const SeenCache& cache, const std::string& id);
    void add(const SeenCache& cache, const std::string& id);

private:
    /// Part of a hash: senders choose how long an id is, not what it takes.
    using Mark = std::array<std::uint8_t, 16>;
    struct Cache {
        std::deque<Mark> order;
        std::set<Mark> marks;
    };
    using Caches = std::map<std::string, Cache>;
    static Mark mark_of(const std::string& id);

    std::mutex mutex_;
    Caches site_;
    std::map<std::string, Caches> users_;
};

}  // namespace policy::filter
