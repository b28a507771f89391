#include "policy/filter/apart.h"

#include <algorithm>

namespace policy::filter {
namespace {

std::string key_of(const std::string& sender, const std::string& rcpt)
{
    return sender + '\0' + rcpt;
}

}  // namespace

void Apart::remember(const std::string& sender,
                     const std::vector<std::string>& rcpts,
                     const std::vector<std::size_t>& kinds, Seconds now)
{
    const std::lock_guard lock{mutex_};
    ++messages_;
    for (std::size_t i = 0; i < rcpts.size(); ++i)
        entries_.insert_or_assign(key_of(sender, rcpts[i]),
                                  Entry{messages_, kinds[i], now + apart_for});
    while (entries_.size() > apart_pairs)
        entries_.erase(std::min_element(
            entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
                return a.second.message < b.second.message;
            }));
}

std::optional<Apart::Entry> Apart::find(const std::string& sender,
                                        const std::string& rcpt, Seconds now)
{
    const auto it = entries_.find(key_of(sender, rcpt));
    if (it == entries_.end())
        return std::nullopt;
    if (it->second.until <= now) {
        entries_.erase(it);
        return std::nullopt;
    }
    return it->second;
}

bool Apart::must_wait(const std::string& sender,
                      const std::vector<std::string>& taken,
                      const std::string& rcpt, Seconds now)
{
    const std::lock_guard lock{mutex_};
    if (entries_.empty())
        return false;
    const auto own = find(sender, rcpt, now);
    if (!own)
        return false;
    return std::any_of(taken.begin(), taken.end(), [&](const auto& other) {
        const auto theirs = find(sender, other, now);
        return theirs && theirs->message == own->message &&
               theirs->kind != own->kind;
    });
}

}  // namespace policy::filter
