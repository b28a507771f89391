// Connections to a Redis or Valkey server: the one owner of hiredis.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/relayers/redis_address.h"
#include "policy/result.h"

namespace policy::relayers {

/// A command and its arguments; any octets.
using RedisCommand = std::vector<std::string>;
/// A reply as strings: those of an array, one level deep, or the one.
using RedisReply = std::vector<std::optional<std::string>>;

/// Asks one server, with a deadline and a circuit breaker: after three
/// failures in a row it is not asked for a second, doubling to half a minute,
/// so that nobody waits for it.  Any thread may ask; connections are kept for
/// the next question.
class RedisLink {
public:
    /// @param timeout  to connect, and for each answer
    /// @param report   gets one line when the server goes away and when it is
    ///                 back; may be empty
    RedisLink(RedisAddress address, std::chrono::milliseconds timeout,
              std::function<void(const std::string&)> report);
    ~RedisLink();
    RedisLink(const RedisLink&) = delete;
    RedisLink& operator=(const RedisLink&) = delete;

    /// Sends the commands together.  An error reply to one is an error of
    /// all.  @return Errc::timeout and why: no answer, or not asked
    Result<std::vector<RedisReply>> ask(
        const std::vector<RedisCommand>& commands);

    std::chrono::milliseconds timeout() const;
    /// Empty while the server answers.
    std::string last_error() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace policy::relayers
