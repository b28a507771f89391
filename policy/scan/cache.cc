#include "policy/scan/cache.h"

#include <algorithm>

namespace policy::scan {

/// A new engine makes every older verdict void.  REQUIRES mutex_.
void VerdictCache::use(const std::string& generation)
{
    if (generation_ == generation)
        return;
    index_.clear();
    entries_.clear();
    generation_ = generation;
}

std::optional<Verdict> VerdictCache::find(const Digest& key,
                                          const std::string& generation)
{
    const std::lock_guard lock{mutex_};
    if (generation.empty() || generation != generation_)
        return std::nullopt;
    const auto found = index_.find(key);
    if (found == index_.end())
        return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    ++hits_;
    return found->second->second;
}

namespace {

/// A list that is longer takes more room than the scan is worth.
constexpr std::size_t max_parts = 500;

/// A failure, or a scan that took too long today.
bool may_differ_tomorrow(const Verdict& verdict)
{
    return std::any_of(verdict.findings.begin(), verdict.findings.end(),
                       [](const Finding& finding) {
                           return finding.status == ScanStatus::error ||
                                  finding.signature.ends_with("ScanTime");
                       });
}

}  // namespace

void VerdictCache::add(const Digest& key, const std::string& generation,
                       const Verdict& verdict)
{
    if (generation.empty() || capacity_ == 0 || may_differ_tomorrow(verdict) ||
        verdict.parts.size() > max_parts)
        return;
    const std::lock_guard lock{mutex_};
    use(generation);
    if (index_.contains(key))
        return;
    entries_.emplace_front(key, verdict);
    index_[key] = entries_.begin();
    if (entries_.size() > capacity_) {
        index_.erase(entries_.back().first);
        entries_.pop_back();
    }
}

void VerdictCache::clear()
{
    const std::lock_guard lock{mutex_};
    index_.clear();
    entries_.clear();
}

std::uint64_t VerdictCache::hits() const
{
    const std::lock_guard lock{mutex_};
    return hits_;
}

std::size_t VerdictCache::size() const
{
    const std::lock_guard lock{mutex_};
    return entries_.size();
}

}  // namespace policy::scan
