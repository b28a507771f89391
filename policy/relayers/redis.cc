#include "policy/relayers/redis.h"

#include <hiredis/hiredis.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <utility>

namespace policy::relayers {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Failures in a row before the server is left alone, and for how long.
constexpr int failures_to_open = 3;
constexpr std::chrono::seconds first_pause = 1s;
constexpr std::chrono::seconds last_pause = 30s;
/// Connections that are kept for the next question.
constexpr std::size_t idle_connections = 8;

struct ContextFree {
    void operator()(redisContext* c) const noexcept { redisFree(c); }
};
using Context = std::unique_ptr<redisContext, ContextFree>;
struct ReplyFree {
    void operator()(redisReply* r) const noexcept { freeReplyObject(r); }
};
using Reply = std::unique_ptr<redisReply, ReplyFree>;

timeval timeval_of(std::chrono::milliseconds time)
{
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    timeval t{};
    t.tv_sec = whole.count();
    t.tv_usec = std::chrono::microseconds{time - whole}.count();
    return t;
}

void append(redisContext* context, const RedisCommand& command)
{
    std::vector<const char*> words;
    std::vector<std::size_t> lengths;
    for (const auto& word : command) {
        words.push_back(word.data());
        lengths.push_back(word.size());
    }
    redisAppendCommandArgv(context, static_cast<int>(words.size()),
                           words.data(), lengths.data());
}

std::optional<std::string> text_of(const redisReply& reply)
{
    if (reply.type == REDIS_REPLY_INTEGER)
        return std::to_string(reply.integer);
    if (reply.type == REDIS_REPLY_STRING || reply.type == REDIS_REPLY_STATUS)
        return std::string{reply.str, reply.len};
    return std::nullopt;
}

/// A reply as strings: an array's, one level deep, or the one.
RedisReply strings_of(const redisReply& reply)
{
    RedisReply all;
    if (reply.type != REDIS_REPLY_ARRAY)
        return {text_of(reply)};
    for (std::size_t i = 0; i < reply.elements; ++i) {
        const redisReply& one = *reply.element[i];
        if (one.type == REDIS_REPLY_ARRAY)
            for (auto& text : strings_of(one))
                all.push_back(std::move(text));
        else
            all.push_back(text_of(one));
    }
    return all;
}

}  // namespace

struct RedisLink::Impl {
    Result<Context> idle_or_new(bool& rested);
    Result<Context> connect() const;
    Result<std::vector<RedisReply>> exchange(
        redisContext* context, const std::vector<RedisCommand>& commands) const;
    void count(const std::optional<Error>& failure);
    void report(const std::string& line) const
    {
        if (!line.empty() && reporter)
            reporter(line);
    }

    RedisAddress address;
    std::chrono::milliseconds timeout;
    std::function<void(const std::string&)> reporter;

    mutable std::mutex mutex{};
    std::vector<Context> idle{};
    int failures = 0;
    std::chrono::seconds pause{};
    Clock::time_point closed_until{};
    std::string error{};  ///< empty once it answers again
};

Result<Context> RedisLink::Impl::idle_or_new(bool& rested)
{
    {
        const std::lock_guard lock{mutex};
        if (Clock::now() < closed_until)
            return fail(Errc::timeout, error);
        if (!idle.empty()) {
            rested = true;
            auto context = std::move(idle.back());
            idle.pop_back();
            return context;
        }
    }
    return connect();
}

Result<Context> RedisLink::Impl::connect() const
{
    const auto limit = timeval_of(timeout);
    Context context{
        address.host.empty()
            ? redisConnectUnixWithTimeout(address.path.c_str(), limit)
            : redisConnectWithTimeout(address.host.c_str(), address.port,
                                      limit)};
    if (!context || context->err != 0)
        return fail(Errc::timeout,
                    address.text() + ": " +
                        (context ? context->errstr : "out of memory"));
    redisSetTimeout(context.get(), limit);
    std::vector<RedisCommand> hello;
    if (!address.password.empty() && address.user.empty())
        hello.push_back({"AUTH", address.password});
    else if (!address.password.empty())
        hello.push_back({"AUTH", address.user, address.password});
    if (address.database != 0)
        hello.push_back({"SELECT", std::to_string(address.database)});
    if (const auto greeted = exchange(context.get(), hello); !greeted)
        return fail(Errc::timeout, greeted.error().text);
    return context;
}

/// Errc::gone: the server had hung up.
Result<std::vector<RedisReply>> RedisLink::Impl::exchange(
    redisContext* context, const std::vector<RedisCommand>& commands) const
{
    for (const auto& command : commands)
        append(context, command);
    std::vector<RedisReply> answers;
    for (std::size_t i = 0; i < commands.size(); ++i) {
        void* raw = nullptr;
        if (redisGetReply(context, &raw) != REDIS_OK) {
            const bool late = context->err == REDIS_ERR_IO && errno == EAGAIN;
            return fail(late ? Errc::timeout : Errc::gone,
                        address.text() + ": " +
                            (late ? "no answer in time" : context->errstr));
        }
        const Reply reply{static_cast<redisReply*>(raw)};
        if (reply->type == REDIS_REPLY_ERROR)
            return fail(Errc::timeout, address.text() + ": " + reply->str);
        answers.push_back(strings_of(*reply));
    }
    return answers;
}

/// The circuit breaker.
void RedisLink::Impl::count(const std::optional<Error>& failure)
{
    std::string line;
    {
        const std::lock_guard lock{mutex};
        const auto now = Clock::now();
        if (now < closed_until)
            return;  // nobody was asked
        if (!failure) {
            if (!error.empty())
                line = address.text() + ": is back";
            failures = 0;
            pause = {};
            error.clear();
        } else {
            if (error.empty())
                line = failure->text;
            error = failure->text;
            idle.clear();
            if (++failures >= failures_to_open) {
                pause = std::clamp<std::chrono::seconds>(pause * 2, first_pause,
                                                         last_pause);
                closed_until = now + pause;
            }
        }
    }
    report(line);
}

RedisLink::RedisLink(RedisAddress address, std::chrono::milliseconds timeout,
                     std::function<void(const std::string&)> report)
    : impl_{new Impl{std::move(address), timeout, std::move(report)}}
{
}

RedisLink::~RedisLink() = default;

Result<std::vector<RedisReply>> RedisLink::ask(
    const std::vector<RedisCommand>& commands)
{
    bool rested = false;
    auto context = impl_->idle_or_new(rested);
    auto answers = context
                       ? impl_->exchange(context->get(), commands)
                       : Result<std::vector<RedisReply>>{fail(context.error())};
    if (rested && !answers && answers.error().code == Errc::gone) {
        context = impl_->connect();
        if (context)
            answers = impl_->exchange(context->get(), commands);
    }
    if (!answers) {
        impl_->count(answers.error());
        return fail(Errc::timeout, answers.error().text);
    }
    impl_->count(std::nullopt);
    const std::lock_guard lock{impl_->mutex};
    if (impl_->idle.size() < idle_connections)
        impl_->idle.push_back(std::move(*context));
    return answers;
}

std::chrono::milliseconds RedisLink::timeout() const
{
    return impl_->timeout;
}

std::string RedisLink::last_error() const
{
    const std::lock_guard lock{impl_->mutex};
    return impl_->error;
}

}  // namespace policy::relayers
