#include "policy/relayers/redis_store.h"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "policy/relayers/grant_text.h"

namespace policy::relayers {
namespace {

using namespace std::chrono_literals;

/// Commands that wait while Redis is away.  Beyond, they are dropped and all
/// grants are sent again when it is back; keys that should have been deleted
/// then live until their time has passed.
constexpr std::size_t max_queue = 100000;
constexpr std::size_t max_batch = 1000;

}  // namespace

/// What has to be told to Redis, and the thread that does.
class RedisStore::Queue {
public:
    Queue(RedisLink& link,
          std::function<std::vector<RedisCommand>()> everything)
        : link_{link}, everything_{std::move(everything)}
    {
        thread_ =
            std::jthread{[this](const std::stop_token& stop) { run(stop); }};
    }
    void push(std::vector<RedisCommand> commands);
    bool drain(std::chrono::milliseconds wait);

private:
    void run(const std::stop_token& stop);
    void send_batch(const std::stop_token& stop);
    bool send_everything();

    RedisLink& link_;
    const std::function<std::vector<RedisCommand>()> everything_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<RedisCommand> waiting_;
    bool overflowed_ = false;
    bool busy_ = false;
    std::jthread thread_;
};

void RedisStore::Queue::push(std::vector<RedisCommand> commands)
{
    const std::lock_guard lock{mutex_};
    for (auto& command : commands)
        waiting_.push_back(std::move(command));
    if (waiting_.size() > max_queue) {
        waiting_.clear();
        overflowed_ = true;
    }
    changed_.notify_all();
}

void RedisStore::Queue::run(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        {
            std::unique_lock lock{mutex_};
            busy_ = false;
            changed_.notify_all();
            changed_.wait(lock, stop,
                          [this] { return overflowed_ || !waiting_.empty(); });
            busy_ = true;
        }
        if (!stop.stop_requested())
            send_batch(stop);
    }
}

void RedisStore::Queue::send_batch(const std::stop_token& stop)
{
    constexpr auto retry = 200ms;
    std::vector<RedisCommand> batch;
    bool everything = false;
    {
        const std::lock_guard lock{mutex_};
        everything = std::exchange(overflowed_, false);
        const auto n = std::min(waiting_.size(), everything ? 0 : max_batch);
        for (std::size_t i = 0; i < n; ++i)
            batch.push_back(std::move(waiting_[i]));
        waiting_.erase(waiting_.begin(),
                       waiting_.begin() + static_cast<std::ptrdiff_t>(n));
    }
    if (everything ? send_everything() : link_.ask(batch).has_value())
        return;
    std::unique_lock lock{mutex_};
    if (everything)
        overflowed_ = true;
    else
        waiting_.insert(waiting_.begin(), batch.begin(), batch.end());
    changed_.wait_for(lock, stop, retry, [] { return false; });
}

bool RedisStore::Queue::send_everything()
{
    const auto all = everything_();
    for (std::size_t i = 0; i < all.size(); i += max_batch) {
        const auto end = std::min(all.size(), i + max_batch);
        const std::vector<RedisCommand> part(
            all.begin() + static_cast<std::ptrdiff_t>(i),
            all.begin() + static_cast<std::ptrdiff_t>(end));
        if (!link_.ask(part))
            return false;
    }
    return true;
}

bool RedisStore::Queue::drain(std::chrono::milliseconds wait)
{
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, wait, [this] {
        return waiting_.empty() && !overflowed_ && !busy_;
    });
}

RedisStore::RedisStore(std::unique_ptr<Store> local, RedisSettings settings)
    : local_{std::move(local)},
      settings_{std::move(settings)},
      window_{settings_.window},
      link_{settings_.address, settings_.timeout, settings_.report},
      queue_{std::make_unique<Queue>(link_, [this] {
          const auto grants = local_->list();
          return grants ? set_commands(*grants) : std::vector<RedisCommand>{};
      })}
{
    struct sigaction now {};
    if (sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
        static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
}

RedisStore::~RedisStore() = default;

std::string RedisStore::key_for(const Network& network) const
{
    return settings_.prefix + "last-login/" + network.text();
}

/// SET for each of the grants that still counts.
std::vector<RedisCommand> RedisStore::set_commands(
    std::span<const Grant> grants) const
{
    std::vector<RedisCommand> commands;
    const auto now = settings_.clock();
    const auto window = window_.load();
    for (const auto& grant : grants) {
        const auto value = value_of(grant);
        if (!value || standing(grant, now, window) == Standing::expired)
            continue;
        commands.push_back({"SET", key_for(grant.network), *value});
        if (window.count() == 0 && !grant.expires)
            continue;
        const auto end = grant.expires.value_or(grant.login + window);
        commands.back().insert(commands.back().end(),
                               {"EX", std::to_string((end - now).count())});
    }
    return commands;
}

/// Under which a grant for the client may be in Redis.
std::vector<Network> RedisStore::networks_for(const ClientAddr& client) const
{
    constexpr unsigned all = 128;
    std::vector<Network> networks{Network{client, all}};
    const unsigned bits = settings_.ipv6_prefix;
    if (client.kind() == ClientAddr::Kind::v6 && bits < all)
        networks.emplace_back(client, bits);
    return networks;
}

/// The grants of these networks that Redis has, in their order.
Result<std::vector<Grant>> RedisStore::ask(const std::vector<Network>& networks)
{
    RedisCommand command{"MGET"};
    for (const auto& network : networks)
        command.push_back(key_for(network));
    const auto answers = link_.ask({command});
    if (!answers)
        return fail(answers.error());
    std::vector<Grant> grants;
    const RedisReply& values = answers->front();
    for (std::size_t i = 0; i < values.size() && i < networks.size(); ++i)
        if (values[i])
            if (auto grant = grant_of(networks[i].text(), *values[i]))
                grants.push_back(std::move(*grant));
    return grants;
}

Result<std::optional<Grant>> RedisStore::find(const ClientAddr& client)
{
    auto known = local_->find(client);
    const auto now = settings_.clock();
    const auto window = window_.load();
    if (!known || !client.is_ip() ||
        (*known && standing(**known, now, window) == Standing::valid) ||
        (settings_.off_limits && settings_.off_limits(client)))
        return known;
    const auto remote = ask(networks_for(client));
    if (!remote)
        return fail(remote.error());
    for (const auto& grant : *remote)
        if (standing(grant, now, window) == Standing::valid)
            return grant;
    if (!*known && !remote->empty())
        return remote->front();
    return known;
}

Result<std::optional<Grant>> RedisStore::exact(const Network& network)
{
    return local_->exact(network);
}

Status RedisStore::add(const Grant& grant)
{
    return add_all({&grant, 1});
}

Status RedisStore::add_all(std::span<const Grant> grants)
{
    auto added = local_->add_all(grants);
    if (added)
        queue_->push(set_commands(grants));
    return added;
}

Result<bool> RedisStore::remove(const Network& network)
{
    const auto gone = remove_all({&network, 1});
    if (!gone)
        return fail(gone.error());
    return !gone->empty();
}

/// What there is to delete with these networks: with an address goes the
/// prefix that its login has opened.
std::vector<Network> RedisStore::with_opened(std::span<const Network> networks)
{
    std::vector<Network> all{networks.begin(), networks.end()};
    for (const auto& network : networks) {
        if (!network.is_host())
            continue;
        const auto near = networks_for(network.address());
        const auto grants =
            near.size() > 1 ? ask(near) : Result<std::vector<Grant>>{};
        if (grants)
            for (const auto& grant : *grants)
                if (grant.opener == network.address())
                    all.push_back(grant.network);
    }
    return all;
}

std::vector<RedisCommand> RedisStore::deletions(
    const std::vector<Network>& networks) const
{
    std::vector<RedisCommand> commands;
    for (const auto& network : networks)
        commands.push_back({"DEL", key_for(network)});
    return commands;
}

Result<std::vector<Network>> RedisStore::remove_all(
    std::span<const Network> networks)
{
    const auto all = with_opened(networks);
    auto gone = local_->remove_all(networks);
    if (!gone || networks.empty())
        return gone;
    queue_->drain(settings_.timeout);  // lest a SET comes after the DEL
    const auto answers = link_.ask(deletions(all));
    if (!answers) {
        queue_->push(deletions(all));
        return fail(Errc::timeout,
                    "removed here, but other hosts do not know it yet: " +
                        answers.error().text);
    }
    std::set<Network> found{gone->begin(), gone->end()};
    for (std::size_t i = 0; i < networks.size(); ++i)
        if ((*answers)[i].front() == "1" && found.insert(networks[i]).second)
            gone->push_back(networks[i]);
    return gone;
}

Result<std::vector<Grant>> RedisStore::remove_where(const Condition& unwanted)
{
    std::map<Network, Grant> both;
    add_remote(both);
    std::erase_if(both, [&](const auto& g) { return !unwanted(g.second); });
    auto gone = local_->remove_where(unwanted);
    if (!gone)
        return gone;
    for (auto& grant : *gone)
        both.insert_or_assign(grant.network, std::move(grant));
    std::vector<Network> networks;
    gone->clear();
    for (auto& [network, grant] : both) {
        networks.push_back(network);
        gone->push_back(std::move(grant));
    }
    queue_->push(deletions(networks));
    return gone;
}

/// Adds what Redis has and is not known, or is newer.
void RedisStore::add_remote(std::map<Network, Grant>& grants)
{
    const std::string start = settings_.prefix + "last-login/";
    std::string pattern;
    for (const char c : start) {
        if (std::string_view{"*?[]\\"}.find(c) != std::string_view::npos)
            pattern += '\\';
        pattern += c;
    }
    std::string cursor = "0";
    do {
        const auto keys = link_.ask(
            {{"SCAN", cursor, "MATCH", pattern + "*", "COUNT", "1000"}});
        if (!keys)
            return;
        const RedisReply& found = keys->front();
        cursor = found.front().value_or("0");
        std::vector<Network> networks;
        for (std::size_t i = 1; i < found.size(); ++i)
            if (const auto network = network_of(
                    std::string_view{*found[i]}.substr(start.size())))
                networks.push_back(*network);
        const auto part =
            networks.empty() ? Result<std::vector<Grant>>{} : ask(networks);
        if (!part)
            return;
        for (const auto& grant : *part) {
            const auto [at, fresh] = grants.emplace(grant.network, grant);
            if (!fresh && at->second.login < grant.login)
                at->second = grant;
        }
    } while (cursor != "0");
}

Result<std::vector<Grant>> RedisStore::list()
{
    auto local = local_->list();
    if (!local)
        return local;
    std::map<Network, Grant> both;
    for (auto& grant : *local)
        both.emplace(grant.network, std::move(grant));
    add_remote(both);
    local->clear();
    for (auto& [network, grant] : both)
        local->push_back(std::move(grant));
    return local;
}

Stats RedisStore::stats()
{
    auto stats = local_->stats();
    if (auto error = link_.last_error(); !error.empty())
        stats.last_error = std::move(error);
    return stats;
}

Result<Check> RedisStore::verify(bool repair)
{
    return local_->verify(repair);
}

void RedisStore::set_window(std::chrono::seconds window)
{
    window_.store(window);
}

bool RedisStore::drain(std::chrono::milliseconds wait)
{
    return queue_->drain(wait);
}

}  // namespace policy::relayers
