#include "policy/filter/seen.h"

#include <algorithm>

#include "policy/scan/sha256.h"

namespace policy::filter {

Seen::Mark Seen::mark_of(const std::string& id)
{
    const auto digest = scan::Sha256::of(id);
    Mark out{};
    std::copy_n(digest.begin(), out.size(), out.begin());
    return out;
}

bool Seen::contains(const SeenCache& cache, const std::string& id)
{
    const Mark mark = mark_of(id);
    const std::lock_guard lock{mutex_};
    const Caches* caches = &site_;
    if (!cache.owner.empty()) {
        const auto user = users_.find(cache.owner);
        if (user == users_.end())
            return false;
        caches = &user->second;
    }
    const auto found = caches->find(cache.name);
    return found != caches->end() && found->second.marks.contains(mark);
}

void Seen::add(const SeenCache& cache, const std::string& id)
{
    if (id.empty() || id.size() > seen_id_bytes)
        return;
    const Mark mark = mark_of(id);
    const std::lock_guard lock{mutex_};
    if (!cache.owner.empty() && users_.size() >= seen_users &&
        !users_.contains(cache.owner))
        users_.clear();
    Caches& caches = cache.owner.empty() ? site_ : users_[cache.owner];
    if (caches.size() >= seen_caches && !caches.contains(cache.name))
        caches.clear();
    Cache& one = caches[cache.name];
    if (!one.marks.insert(mark).second)
        return;
    one.order.push_back(mark);
    if (one.order.size() > seen_ids) {
        one.marks.erase(one.order.front());
        one.order.pop_front();
    }
}

}  // namespace policy::filter
