#include "milters/login/anvil.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "milters/login/dict_protocol.h"
#include "policy/fd.h"

namespace milters::login {

using policy::Fd;

namespace {

constexpr std::string_view question = "VERSION\tanvil\t1\t0\nCONNECT-DUMP\n";

struct EventClose {
    void operator()(event* ev) const noexcept { event_free(ev); }
};
struct BevClose {
    void operator()(bufferevent* bev) const noexcept { bufferevent_free(bev); }
};

/// Connected or refused at once: a unix socket never keeps one waiting, and a
/// full queue is EAGAIN.
Fd connected(const std::string& path)
{
    sockaddr_un sa{};
    sa.sun_family = AF_UNIX;
    if (path.size() >= sizeof sa.sun_path) {
        errno = ENAMETOOLONG;
        return {};
    }
    std::copy(path.begin(), path.end(), sa.sun_path);
    Fd fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&sa),
                       sizeof sa) != 0)
        return {};
    return fd;
}

}  // namespace

std::optional<AnvilSession> parse_session(std::string_view line)
{
    const auto ident = tab_unescape(line.substr(0, line.find('\t')));
    const auto first = ident.find('/');
    const auto second =
        first == ident.npos ? first : ident.find('/', first + 1);
    if (second == ident.npos)
        return std::nullopt;
    return AnvilSession{ident.substr(0, first),
                        ident.substr(first + 1, second - first - 1),
                        ident.substr(second + 1)};
}

struct AnvilPoller::Impl {
    Impl(AnvilOptions given, policy::relayers::LoginSink sink)
        : options{std::move(given)},
          intake{options.common, "anvil", renewals(std::move(sink))}
    {
    }

    /// Only what is known may pass, where the settings say so.
    policy::relayers::LoginSink renewals(policy::relayers::LoginSink sink) const
    {
        return [known = options.known,
                sink = std::move(sink)](const policy::relayers::Login& login) {
            if (!known || known(login))
                sink(login);
        };
    }

    void ask();
    /// False when the dump has ended or cannot go on.
    bool read();
    void end() { bev.reset(); }

    AnvilOptions options;
    Intake intake;
    std::unique_ptr<event, EventClose> timer;
    std::unique_ptr<bufferevent, BevClose> bev;
    std::size_t seen = 0;
};

void AnvilPoller::Impl::ask()
{
    if (bev)
        intake.warn("no end of the last answer");
    end();
    Fd fd = connected(options.path);
    if (!fd) {
        const int e = errno;
        intake.warn(options.path + ": " + std::strerror(e));
        return;
    }
    bev.reset(bufferevent_socket_new(event_get_base(timer.get()), fd.get(),
                                     BEV_OPT_CLOSE_ON_FREE));
    if (!bev)
        return;
    fd.release();
    seen = 0;
    bufferevent_setcb(
        bev.get(),
        [](bufferevent*, void* self) {
            auto* impl = static_cast<Impl*>(self);
            if (!impl->read())
                impl->end();
        },
        nullptr,
        [](bufferevent*, short what, void* self) {
            auto* impl = static_cast<Impl*>(self);
            impl->intake.warn(what & BEV_EVENT_TIMEOUT ? "no answer"
                                                       : "answer broken off");
            impl->end();
        },
        this);
    const timeval limit{timeout.count(), 0};
    bufferevent_set_timeouts(bev.get(), &limit, &limit);
    bufferevent_write(bev.get(), question.data(), question.size());
    bufferevent_enable(bev.get(), EV_READ | EV_WRITE);
}

bool AnvilPoller::Impl::read()
{
    evbuffer* in = bufferevent_get_input(bev.get());
    std::size_t size = 0;
    while (char* raw = evbuffer_readln(in, &size, EVBUFFER_EOL_LF)) {
        const std::unique_ptr<char, decltype(&std::free)> owned{raw,
                                                                &std::free};
        const std::string_view line{raw, size};
        seen += size + 1;
        if (line.empty() || seen > max_dump)
            return false;
        if (line.starts_with("VERSION\t"))
            continue;
        if (const auto s = parse_session(line))
            intake.login({s->ip, s->user, s->service});
        else
            intake.malformed("not a line of CONNECT-DUMP");
    }
    return evbuffer_get_length(in) < max_line;
}

AnvilPoller::AnvilPoller(std::unique_ptr<Impl> impl) : impl_{std::move(impl)} {}

AnvilPoller::~AnvilPoller() = default;

policy::Result<std::unique_ptr<AnvilPoller>> AnvilPoller::make(
    net::Loop& loop, AnvilOptions options, policy::relayers::LoginSink sink)
{
    if (options.every.count() <= 0 || options.path.empty())
        return policy::fail(policy::Errc::usage, "anvil: no path or interval");
    const timeval every{options.every.count(), 0};
    auto impl = std::make_unique<Impl>(std::move(options), std::move(sink));
    impl->timer.reset(event_new(
        loop.base(), -1, EV_PERSIST,
        [](evutil_socket_t, short, void* self) {
            static_cast<Impl*>(self)->ask();
        },
        impl.get()));
    if (!impl->timer || event_add(impl->timer.get(), &every) != 0)
        return policy::fail(policy::Errc::io, "libevent: no timer");
    event_active(impl->timer.get(), EV_TIMEOUT, 0);
    return std::unique_ptr<AnvilPoller>{new AnvilPoller{std::move(impl)}};
}

const Counters& AnvilPoller::counters() const
{
    return impl_->intake.counters();
}

}  // namespace milters::login
