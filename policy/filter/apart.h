// Who cannot share a transaction with whom, as the last message has shown.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "policy/clock.h"

namespace policy::filter {

/// How long senders are asked to send to these recipients one kind at a time:
/// longer than queues wait between tries.
inline constexpr std::chrono::hours apart_for{12};
/// Pairs of sender and recipient that are remembered; beyond, the oldest go.
inline constexpr std::size_t apart_pairs = 10'000;

/// Remembers kinds of recipients by sender.  Any thread.
class Apart {
public:
    /// The recipients of a message that `sender` has to send again.
    /// `kinds`: by recipient; those of one kind may come together.
    void remember(const std::string& sender,
                  const std::vector<std::string>& rcpts,
                  const std::vector<std::size_t>& kinds, Seconds now);

    /// Whether `rcpt` cannot join the recipients that were taken before.
    bool must_wait(const std::string& sender,
                   const std::vector<std::string>& taken,
                   const std::string& rcpt, Seconds now);

private:
    struct Entry {
        std::size_t message;  ///< which message showed it
        std::size_t kind;
        Seconds until;
    };
    std::optional<Entry> find(const std::string& sender,
                              const std::string& rcpt, Seconds now);

    std::mutex mutex_;
    std::size_t messages_ = 0;
    std::map<std::string, Entry> entries_;
};

}  // namespace policy::filter
