#include "milters/login/follow.h"

#include <event2/event.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "milters/login/log_format.h"
#include "milters/login/tail.h"
#include "policy/fd.h"

namespace milters::login {

using policy::Fd;

namespace {

struct EventClose {
    void operator()(event* ev) const noexcept { event_free(ev); }
};
using Event = std::unique_ptr<event, EventClose>;

std::string directory_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == path.npos ? "." : path.substr(0, slash + 1);
}

}  // namespace

std::string state_file(const std::string& state_dir, const std::string& log)
{
    if (state_dir.empty())
        return {};
    std::string name = log;
    std::replace(name.begin(), name.end(), '/', '_');
    return state_dir + "/follow" + name;
}

struct LogFollower::Impl {
    Impl(FollowOptions given, std::shared_ptr<const LogFormat> format,
         policy::relayers::LoginSink sink)
        : options{std::move(given)},
          intake{options.common, "log", std::move(sink)},
          reader{std::move(format)},
          tail{options.file, state_file(options.state_dir, options.file)}
    {
    }

    policy::Status watch(event_base* base);
    void watch_file();
    void look();
    void line(std::string_view text, bool live);
    void save();

    FollowOptions options;
    Intake intake;
    LogReader reader;
    Tail tail;
    Fd inotify;
    int file_watch = -1;
    unsigned watched_generation = 0;
    policy::Seconds last_idle{};  ///< when all had been read, last
    policy::Seconds last_save{};
    Event changed, timer;
};

policy::Status LogFollower::Impl::watch(event_base* base)
{
    inotify = Fd{inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    const bool watched =
        inotify &&
        inotify_add_watch(inotify.get(), directory_of(options.file).c_str(),
                          IN_CREATE | IN_MOVED_TO) >= 0;
    if (!watched) {
        const int e = errno;
        intake.warn(options.file +
                    ": only looked at once a second: " + std::strerror(e));
    }
    const auto wake = [](evutil_socket_t, short, void* self) {
        static_cast<Impl*>(self)->look();
    };
    if (inotify) {
        watch_file();
        changed.reset(
            event_new(base, inotify.get(), EV_READ | EV_PERSIST, wake, this));
        if (!changed || event_add(changed.get(), nullptr) != 0)
            return policy::fail(policy::Errc::io, "libevent: no event");
    }
    const timeval every{interval.count(), 0};
    timer.reset(event_new(base, -1, EV_PERSIST, wake, this));
    if (!timer || event_add(timer.get(), &every) != 0)
        return policy::fail(policy::Errc::io, "libevent: no timer");
    return {};
}

/// The kernel drops the watch of a file that is gone, by itself.
void LogFollower::Impl::watch_file()
{
    if (inotify)
        file_watch =
            inotify_add_watch(inotify.get(), options.file.c_str(), IN_MODIFY);
}

void LogFollower::Impl::look()
{
    std::array<char, 4096> events{};
    while (inotify && read(inotify.get(), events.data(), events.size()) > 0) {
    }
    const auto now = intake.now();
    const auto outcome = tail.poll(
        [this](std::string_view text, bool live) { line(text, live); }, now);
    if (!outcome) {
        intake.warn(outcome.error().text);
        return;
    }
    if (tail.generation() != watched_generation || file_watch < 0) {
        watched_generation = tail.generation();
        watch_file();
    }
    if (*outcome == Tail::Outcome::more)
        event_active(timer.get(), EV_TIMEOUT, 0);
    else
        last_idle = now;
    if (*outcome == Tail::Outcome::absent)
        intake.warn(options.file + ": no such file");
    if (now - last_save >= interval)
        save();
}

void LogFollower::Impl::line(std::string_view text, bool live)
{
    const auto now = intake.now();
    const auto login = reader.read(text, now);
    if (!login)
        return;
    auto when = now;
    if (!live) {
        if (login->stamp > now + max_skew) {
            intake.ignored();
            return;
        }
        when = std::min(login->stamp, now);
    } else if (now - last_idle > stall) {
        when = std::clamp(login->stamp, std::min(last_idle, now), now);
    }
    intake.login({login->ip, login->user, login->service, when, login->method});
}

void LogFollower::Impl::save()
{
    last_save = intake.now();
    if (const auto status = tail.save(); !status)
        intake.warn(status.error().text);
}

LogFollower::LogFollower(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

LogFollower::~LogFollower()
{
    impl_->save();
}

policy::Result<std::unique_ptr<LogFollower>> LogFollower::make(
    net::Loop& loop, FollowOptions options, policy::relayers::LoginSink sink)
{
    auto format = LogFormat::make(options.format);
    if (!format)
        return policy::fail(format.error());
    auto impl = std::make_unique<Impl>(std::move(options), std::move(*format),
                                       std::move(sink));
    if (auto status = impl->watch(loop.base()); !status)
        return policy::fail(status.error());
    impl->last_idle = impl->intake.now();
    impl->look();
    return std::unique_ptr<LogFollower>{new LogFollower{std::move(impl)}};
}

const Counters& LogFollower::counters() const
{
    return impl_->intake.counters();
}

}  // namespace milters::login
