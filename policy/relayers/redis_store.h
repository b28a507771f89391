// Grants that several hosts share through Redis or Valkey.
//
// Keys and values, the same that Dovecot's last_login plugin writes by itself:
//
//   relay/last-login/192.0.2.7            906502527
//   relay/last-login/2001:db8::/64        906502527 user=bob proto=imap ...
//
// Each key lives as long as its grant counts.  A network that an administrator
// names is not looked up by other hosts; the prefix of an IPv6 login is.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "policy/relayers/redis.h"
#include "policy/relayers/store.h"

namespace policy::relayers {

struct RedisSettings {
    RedisAddress address;
    std::string prefix = "relay/";
    unsigned ipv6_prefix = 64;  ///< bits of the prefix that logins open
    std::chrono::seconds window{1800};
    std::chrono::milliseconds timeout{100};  ///< to connect, and for an answer
    Clock clock = system_now;
    /// Addresses that other hosts' logins open nothing for; any thread.
    std::function<bool(const ClientAddr&)> off_limits{};
    /// Gets one line when Redis goes away and when it is back; any thread.
    std::function<void(const std::string&)> report{};
};

/// Puts Redis beside a store of this host, which stays the truth: what it
/// knows is answered from it, and every grant is kept there first.
///
/// find() asks Redis only for what the local store does not know (10 us on
/// loopback, `timeout` at most).  When Redis does not answer, that is an
/// error, since the client may have logged in at another host: 4xx.  After
/// three failures it is not asked for a while (a second, doubling to half a
/// minute), so that nobody waits for it.
///
/// add() and remove_where() return once the local store has done it; Redis
/// follows from a thread, which keeps trying.  remove() waits for Redis.
///
/// Thread rule: any thread may call.
class RedisStore final : public Store {
public:
    /// Does not wait for the server.  Ignores SIGPIPE in the process, unless
    /// that has a handler.
    RedisStore(std::unique_ptr<Store> local, RedisSettings settings);
    ~RedisStore() override;  ///< what Redis has not got by then is dropped
    RedisStore(const RedisStore&) = delete;
    RedisStore& operator=(const RedisStore&) = delete;

    Result<std::optional<Grant>> find(const ClientAddr& client) override;
    Result<std::optional<Grant>> exact(const Network& network) override;
    Status add(const Grant& grant) override;
    Result<bool> remove(const Network& network) override;
    /// The local grants and those of other hosts; the newer of two.  Without
    /// Redis the local ones.
    Result<std::vector<Grant>> list() override;
    Result<Others> others() override { return local_->others(); }
    Status add_all(std::span<const Grant> grants) override;
    Result<std::vector<Network>> remove_all(
        std::span<const Network> networks) override;
    Result<std::vector<Grant>> remove_where(const Condition& unwanted) override;
    Stats stats() override;
    Result<Check> verify(bool repair) override;

    void set_window(std::chrono::seconds window);
    Store& local() { return *local_; }

    /// Waits until Redis has got what is known now.  For tests and the end of
    /// a program.  @return whether it has
    bool drain(std::chrono::milliseconds wait);

private:
    class Queue;

    Result<std::vector<Grant>> ask(const std::vector<Network>& networks);
    std::vector<Network> networks_for(const ClientAddr& client) const;
    std::string key_for(const Network& network) const;
    std::vector<RedisCommand> set_commands(std::span<const Grant> grants) const;
    std::vector<Network> with_opened(std::span<const Network> networks);
    std::vector<RedisCommand> deletions(
        const std::vector<Network>& networks) const;
    void add_remote(std::map<Network, Grant>& grants);

    std::unique_ptr<Store> local_;
    const RedisSettings settings_;
    std::atomic<std::chrono::seconds> window_;
    RedisLink link_;
    std::unique_ptr<Queue> queue_;
};

}  // namespace policy::relayers
