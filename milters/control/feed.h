// What happened to grants lately, for `vsmtprelay watch`.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "policy/clock.h"
#include "policy/relayers/file_store.h"

namespace milters::control {

/// A numbered event.
struct FedEvent {
    std::uint64_t number;  ///< from 1, one more than the one before
    policy::Seconds time;
    policy::relayers::Event event;
};

/// Keeps the newest events; older ones are forgotten.  Any thread.
class Feed {
public:
    static constexpr std::size_t kept = 10000;

    explicit Feed(policy::Clock clock = policy::system_now)
        : clock_{std::move(clock)}
    {
    }

    void publish(const policy::relayers::Event& event);

    /// Events numbered above `after`, oldest first, `limit` at most; there
    /// may be a gap before the first.
    std::vector<FedEvent> since(std::uint64_t after, std::size_t limit) const;
    /// Number of the newest; 0: none yet.
    std::uint64_t newest() const;

private:
    policy::Clock clock_;
    mutable std::mutex mutex_;
    std::deque<FedEvent> events_;
    std::uint64_t newest_ = 0;
};

}  // namespace milters::control
