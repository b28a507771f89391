#include "policy/accounts/accounts.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace policy::accounts {
namespace {

using Time = std::chrono::steady_clock::time_point;

/// One user who is being asked about; whoever wants to know waits for it.
struct Question {
    explicit Question(std::string name) : user{std::move(name)} {}
    std::string user;
    std::optional<Result<bool>> answer{};
    unsigned waiting = 0;
    bool running = false;  ///< a thread has taken it up
    bool late = false;     ///< and somebody has given up waiting
};

struct Answer {
    bool exists = false;
    Time until{};
};

}  // namespace

/// Owned by the Accounts and by each thread, so that a thread that hangs may
/// outlive the Accounts.
struct Accounts::Shared : std::enable_shared_from_this<Accounts::Shared> {
    Shared(std::shared_ptr<Directory> d, Options o)
        : directory{std::move(d)}, options{std::move(o)}
    {
    }

    using Lock = std::unique_lock<std::mutex>;

    std::optional<bool> cached(const std::string& user);
    std::shared_ptr<Question> ask(const std::string& user);
    void give_up(const std::shared_ptr<Question>& question);
    bool start_thread() noexcept;
    void work();
    Result<bool> look_up(const std::string& user) const noexcept;
    void settle(const std::shared_ptr<Question>& question, Result<bool> answer);

    const std::shared_ptr<Directory> directory;
    const Options options;

    std::mutex mutex;  ///< guards all below
    std::condition_variable answered, asked;
    std::map<std::string, Answer, std::less<>> cache;
    std::map<std::string, std::shared_ptr<Question>, std::less<>> open;
    std::deque<std::shared_ptr<Question>> queue;
    unsigned threads = 0, idle = 0, hanging = 0;
    bool ending = false;
};

std::optional<bool> Accounts::Shared::cached(const std::string& user)
{
    const auto it = cache.find(user);
    if (it == cache.end())
        return std::nullopt;
    if (it->second.until > options.clock())
        return it->second.exists;
    cache.erase(it);
    return std::nullopt;
}

std::shared_ptr<Question> Accounts::Shared::ask(const std::string& user)
{
    if (const auto it = open.find(user); it != open.end())
        return it->second;
    auto question = std::make_shared<Question>(user);
    open.emplace(user, question);
    queue.push_back(question);
    if (idle < queue.size() && threads < options.threads)
        start_thread();
    asked.notify_one();
    return question;
}

/// What no thread has taken up yet need not be asked any more.
void Accounts::Shared::give_up(const std::shared_ptr<Question>& question)
{
    if (question->running && !question->late) {
        question->late = true;
        ++hanging;
    }
    if (!question->running && question->waiting == 0) {
        std::erase(queue, question);
        open.erase(question->user);
    }
}

bool Accounts::Shared::start_thread() noexcept
try {
    std::thread{[self = shared_from_this()] { self->work(); }}.detach();
    ++threads;
    return true;
} catch (const std::exception&) {
    return false;  // those there are do, or the deadline passes
}

void Accounts::Shared::work()
{
    Lock lock{mutex};
    while (true) {
        ++idle;
        asked.wait(lock, [&] { return ending || !queue.empty(); });
        --idle;
        if (ending)
            break;
        const auto question = std::move(queue.front());
        queue.pop_front();
        question->running = true;
        lock.unlock();
        auto answer = look_up(question->user);
        lock.lock();
        settle(question, std::move(answer));
    }
    --threads;
}

Result<bool> Accounts::Shared::look_up(const std::string& user) const noexcept
try {
    return directory->exists(user);
} catch (const std::exception& e) {
    return fail(Errc::io, directory->name() + ": " + e.what());
}

void Accounts::Shared::settle(const std::shared_ptr<Question>& question,
                              Result<bool> answer)
{
    if (question->late)
        --hanging;
    if (answer) {
        if (cache.size() >= max_cached)
            cache.clear();
        cache[question->user] = {*answer, options.clock() + options.cache};
    }
    question->answer.emplace(std::move(answer));
    open.erase(question->user);
    answered.notify_all();
}

Accounts::Accounts(std::shared_ptr<Directory> directory, Options options)
    : shared_{
          std::make_shared<Shared>(std::move(directory), std::move(options))}
{
}

Accounts::~Accounts()
{
    const std::lock_guard lock{shared_->mutex};
    shared_->ending = true;
    shared_->asked.notify_all();
}

Result<bool> Accounts::exists(const std::string& user)
{
    auto& s = *shared_;
    if (user.empty())
        return fail(Errc::usage, s.directory->name() + ": no user to look up");
    Shared::Lock lock{s.mutex};
    if (const auto known = s.cached(user))
        return *known;
    const auto unknown = [&] {
        return fail(Errc::timeout, s.directory->name() + ": no answer about " +
                                       user + " in time");
    };
    // All hang: nobody would take the question up.
    if (s.hanging >= s.options.threads)
        return unknown();
    const auto question = s.ask(user);
    ++question->waiting;
    const bool in_time = s.answered.wait_for(
        lock, s.options.timeout, [&] { return question->answer.has_value(); });
    --question->waiting;
    if (in_time)
        return *question->answer;
    s.give_up(question);
    return unknown();
}

unsigned Accounts::hanging() const
{
    const std::lock_guard lock{shared_->mutex};
    return shared_->hanging;
}

}  // namespace policy::accounts
