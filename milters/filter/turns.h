// One user's recipes do not take the processors from everybody's mail.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace milters::filter {

/// Lets the recipes of a user run once at a time.  Any thread; outlives the
/// turns it gives.
class Turns {
public:
    /// A user's turn; over when it goes.
    class Turn {
    public:
        Turn(Turns& turns, std::string user)
            : turns_{turns}, user_{std::move(user)}
        {
        }
        ~Turn() { turns_.end(user_); }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        Turns& turns_;
        std::string user_;
    };

    /// Waits for it.
    /// @return null: it did not come in that time
    std::unique_ptr<Turn> take(const std::string& user,
                               std::chrono::milliseconds patience);

private:
    void end(const std::string& user);

    std::mutex mutex_;
    std::condition_variable ended_;
    std::set<std::string> running_;
};

}  // namespace milters::filter
