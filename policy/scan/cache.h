// Verdicts on messages that were scanned before.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "policy/scan/sha256.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// Bounded; what was asked for least recently goes first.  Holds verdicts of
/// one generation of the engine only.  Errors and long lists of
/// parts are never kept.  Safe to call
/// from many threads.
class VerdictCache {
public:
    explicit VerdictCache(std::size_t capacity) : capacity_{capacity} {}

    /// nullopt if unknown, or known of another generation.
    std::optional<Verdict> find(const Digest& key,
                                const std::string& generation);
    void add(const Digest& key, const std::string& generation,
             const Verdict& verdict);

    /// Forgets all of them.
    void clear();

    std::uint64_t hits() const;
    std::size_t size() const;

private:
    using Entry = std::pair<Digest, Verdict>;

    void use(const std::string& generation);

    const std::size_t capacity_;
    mutable std::mutex mutex_;
    std::string generation_;
    std::list<Entry> entries_;
    std::unordered_map<Digest, std::list<Entry>::iterator, DigestHash> index_;
    std::uint64_t hits_ = 0;
};

}  // namespace policy::scan
