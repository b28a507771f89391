// Does this login still exist?  Asked before a grant counts, so it may never
// hold up mail: answers come from a cache, or within a deadline, or not at
// all.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "policy/accounts/directory.h"
#include "policy/result.h"

namespace policy::accounts {

struct Options {
    std::chrono::milliseconds cache{60'000};   ///< how long an answer counts
    std::chrono::milliseconds timeout{2'000};  ///< for one answer
    /// Threads that ask.  One that hangs in a library is given up; when all
    /// hang, every question fails until one comes back.
    unsigned threads = 4;
    /// Steady time, so that tests can move it.
    std::function<std::chrono::steady_clock::time_point()> clock =
        std::chrono::steady_clock::now;
};

/// Asks a Directory that may hang.  Any number of threads may ask at the same
/// time; the same question at the same time is asked once.
///
/// Threads that still hang at the end are left behind with what they use, so
/// the destructor never waits for them.
class Accounts {
public:
    Accounts(std::shared_ptr<Directory> directory, Options options);
    ~Accounts();
    Accounts(const Accounts&) = delete;
    Accounts& operator=(const Accounts&) = delete;

    /// Waits at most the timeout.  Errc::timeout when the deadline passed;
    /// failures are not cached and must become a 4xx: an unknown answer is
    /// neither "exists" nor "gone".  REQUIRES a user that is not empty (else
    /// Errc::usage).
    Result<bool> exists(const std::string& user);

    /// Threads that have not come back from a question whose deadline passed.
    unsigned hanging() const;

    /// Answers kept; beyond that all are forgotten.
    static constexpr std::size_t max_cached = 10'000;

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;
};

}  // namespace policy::accounts
