// Who cannot share a transaction with whom, as messages have shown.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "policy/clock.h"

namespace policy::filter {

/// How long senders are asked to send to these recipients one kind at a time:
/// longer than queues wait between tries.
inline constexpr std::chrono::hours apart_for{12};
/// Pairs of sender and recipient that are remembered; beyond, the senders
/// heard of longest ago go.
inline constexpr std::size_t apart_pairs = 10'000;

/// Remembers kinds of recipients by sender.  Any thread.
///
/// A client sends to the kind that it names first, the others come again.  So
/// that nobody holds up the mail of others by refusing it for now, time after
/// time, a kind that kept others waiting, and refused for now, waits for them
/// at the next try.
class Apart {
public:
    /// One transaction on its way; belongs to one thread.
    struct Transaction {
        std::vector<std::string> taken;  ///< recipients, as the client wrote
        std::set<std::size_t> waiting;   ///< kinds that wait for others
    };

    /// The recipients of a message that `sender` has to send again.
    /// `kinds`: by recipient; those of one kind may come together, until they
    /// differ too: then each of them comes alone.
    void remember(const std::string& sender,
                  const std::vector<std::string>& rcpts,
                  const std::vector<std::size_t>& kinds, Seconds now);

    /// Whether `rcpt` cannot join the recipients that were taken before; else
    /// it is taken.
    bool must_wait(const std::string& sender, Transaction& transaction,
                   const std::string& rcpt, Seconds now);

    /// The transaction is over: what was said to those who were taken.
    /// @param for_now  that they come again
    void answered(const std::string& sender, const Transaction& transaction,
                  bool for_now);

private:
    struct Entry {
        std::size_t kind;
        Seconds until;
    };
    struct Kind {
        std::set<std::size_t> held_up;  ///< kinds that waited for this one
        bool waited = false;            ///< for them, since its last turn
    };
    struct Sender {
        std::map<std::string, Entry> rcpts;
        std::vector<Kind> kinds;
        Seconds until{};

        const Entry* find(const std::string& rcpt, Seconds now) const;
        std::vector<bool> alone() const;
        bool holds_back(Transaction& transaction, const std::string& rcpt,
                        Seconds now);
        bool yields(std::size_t kind, std::set<std::size_t>& waiting);
    };
    void make_room();

    std::mutex mutex_;
    std::size_t pairs_ = 0;
    std::map<std::string, Sender> senders_;
};

}  // namespace policy::filter
