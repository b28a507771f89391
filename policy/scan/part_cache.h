// Parts of messages that were seen before and came out clean.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_set>
#include <vector>

#include "policy/scan/sha256.h"

namespace policy::scan {

/// A bounded set of digests; the oldest go first.  One thread.  Private to
/// the process that filled it: a scanner is not believed by another.
class PartCache {
public:
    explicit PartCache(std::size_t capacity) : capacity_{capacity} {}

    bool contains(const Digest& part) const { return known_.contains(part); }

    /// Remembers parts of a message that came out clean as a whole.
    void add(const std::vector<Digest>& parts)
    {
        for (const Digest& part : parts) {
            if (capacity_ == 0 || !known_.insert(part).second)
                continue;
            order_.push_back(part);
            if (order_.size() > capacity_) {
                known_.erase(order_.front());
                order_.pop_front();
            }
        }
    }

    std::size_t size() const { return known_.size(); }

private:
    std::size_t capacity_;
    std::unordered_set<Digest, DigestHash> known_;
    std::deque<Digest> order_;
};

}  // namespace policy::scan
