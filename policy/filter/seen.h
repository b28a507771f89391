// The Message-IDs of formail -D, in memory.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

namespace policy::filter {

/// Message-IDs that one cache remembers; then the oldest go.
inline constexpr std::size_t seen_ids = 1000;
/// Bytes of a Message-ID that is remembered; longer ones never are doubles.
inline constexpr std::size_t seen_id_bytes = 1000;
/// Caches; beyond, all are forgotten.
inline constexpr std::size_t seen_caches = 1000;

/// Any thread.
class Seen {
public:
    bool contains(const std::string& cache, const std::string& id);
    void add(const std::string& cache, const std::string& id);

private:
    struct Cache {
        std::deque<std::string> order;
        std::unordered_set<std::string> ids;
    };
    std::mutex mutex_;
    std::map<std::string, Cache> caches_;
};

}  // namespace policy::filter
