// Hands messages of our own to the sendmail program.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "policy/result.h"

namespace milters::virus {

/// Starts `program` -i -f SENDER -- RCPT... with the open file as its input,
/// read from its present place, and waits for it.  Any thread.
/// @param sender  without brackets; empty: none (`<>`)
policy::Status hand_over(const std::string& program, const std::string& sender,
                         const std::vector<std::string>& rcpts, int message);

/// A message that waits to be handed over; its envelope has no sender.
struct Letter {
    std::string program;
    std::vector<std::string> rcpts;
    std::string text;
};

/// Hands letters over in a thread of its own, one after the other, so that no
/// mail waits for them.  Any thread.
class Mailer {
public:
    /// What waits when there are more is dropped, and `log` is told.
    static constexpr std::size_t max_waiting = 500;

    explicit Mailer(std::function<void(const std::string&)> log);
    ~Mailer();
    Mailer(const Mailer&) = delete;
    Mailer& operator=(const Mailer&) = delete;

    void send(Letter letter);

private:
    void run();

    const std::function<void(const std::string&)> log_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Letter> letters_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace milters::virus
