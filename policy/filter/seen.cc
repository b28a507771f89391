#include "policy/filter/seen.h"

namespace policy::filter {

bool Seen::contains(const std::string& cache, const std::string& id)
{
    const std::lock_guard lock{mutex_};
    const auto found = caches_.find(cache);
    return found != caches_.end() && found->second.ids.contains(id);
}

void Seen::add(const std::string& cache, const std::string& id)
{
    if (id.empty() || id.size() > seen_id_bytes)
        return;
    const std::lock_guard lock{mutex_};
    if (caches_.size() >= seen_caches && !caches_.contains(cache))
        caches_.clear();
    Cache& one = caches_[cache];
    if (!one.ids.insert(id).second)
        return;
    one.order.push_back(id);
    if (one.order.size() > seen_ids) {
        one.ids.erase(one.order.front());
        one.order.pop_front();
    }
}

}  // namespace policy::filter
