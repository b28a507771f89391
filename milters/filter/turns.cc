#include "milters/filter/turns.h"

namespace milters::filter {

std::unique_ptr<Turns::Turn> Turns::take(const std::string& user,
                                         std::chrono::milliseconds patience)
{
    std::unique_lock lock{mutex_};
    if (!ended_.wait_for(lock, patience,
                         [&] { return !running_.contains(user); }))
        return nullptr;
    running_.insert(user);
    return std::make_unique<Turn>(*this, user);
}

void Turns::end(const std::string& user)
{
    {
        const std::lock_guard lock{mutex_};
        running_.erase(user);
    }
    ended_.notify_all();
}

}  // namespace milters::filter
