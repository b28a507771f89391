#include "milters/control/feed.h"

namespace milters::control {

void Feed::publish(const policy::relayers::Event& event)
{
    const auto now = clock_();
    const std::lock_guard lock{mutex_};
    events_.push_back({++newest_, now, event});
    if (events_.size() > kept)
        events_.pop_front();
}

std::vector<FedEvent> Feed::since(std::uint64_t after, std::size_t limit) const
{
    const std::lock_guard lock{mutex_};
    std::vector<FedEvent> found;
    const std::uint64_t before_oldest = newest_ - events_.size();
    std::size_t i = after > before_oldest ? after - before_oldest : 0;
    for (; i < events_.size() && found.size() < limit; ++i)
        found.push_back(events_[i]);
    return found;
}

std::uint64_t Feed::newest() const
{
    const std::lock_guard lock{mutex_};
    return newest_;
}

}  // namespace milters::control
