#include "milters/login/dict.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <list>
#include <utility>

#include "milters/login/dict_protocol.h"

namespace milters::login {

using policy::Fd;

namespace {

constexpr timeval idle{600, 0};
constexpr std::size_t max_unread_answers = 64 * 1024;

struct BevClose {
    void operator()(bufferevent* bev) const noexcept { bufferevent_free(bev); }
};
struct ListenerClose {
    void operator()(evconnlistener* l) const noexcept
    {
        evconnlistener_free(l);
    }
};

}  // namespace

/// One Dovecot process.
struct DictListener::Connection {
    Connection(Impl& listener, uid_t peer) : owner{listener}, uid{peer} {}

    /// False when the connection is to be closed.
    bool read();
    void committed(const std::vector<DictSet>& sets);

    Impl& owner;
    uid_t uid;
    DictSession session;
    std::unique_ptr<bufferevent, BevClose> bev;
    std::list<Connection>::iterator self;
};

struct DictListener::Impl {
    Impl(DictOptions given, policy::relayers::LoginSink sink)
        : options{std::move(given)},
          intake{options.common, "dict", std::move(sink)}
    {
    }

    void accept(int fd);
    bool make_room(uid_t uid);
    void close(Connection& c) { connections.erase(c.self); }

    DictOptions options;
    Intake intake;
    std::optional<UnixSocket> socket;
    std::unique_ptr<evconnlistener, ListenerClose> listener;
    std::list<Connection> connections;
};

bool DictListener::Connection::read()
{
    evbuffer* in = bufferevent_get_input(bev.get());
    evbuffer* out = bufferevent_get_output(bev.get());
    std::size_t size = 0;
    while (char* line = evbuffer_readln(in, &size, EVBUFFER_EOL_LF)) {
        const std::unique_ptr<char, decltype(&std::free)> owned{line,
                                                                &std::free};
        const DictAnswer answer = session.line({line, size});
        committed(answer.committed);
        if (!answer.malformed.empty())
            owner.intake.malformed(answer.malformed);
        evbuffer_add(out, answer.reply.data(), answer.reply.size());
    }
    return evbuffer_get_length(in) < max_line &&
           evbuffer_get_length(out) < max_unread_answers;
}

void DictListener::Connection::committed(const std::vector<DictSet>& sets)
{
    for (const DictSet& set : sets) {
        const auto login = parse_last_login(set);
        if (!login)
            owner.intake.ignored();
        else if (!owner.options.believed(uid))
            owner.intake.refused("uid " + std::to_string(uid) +
                                 " may not report logins");
        else
            owner.intake.login(
                {login->ip, login->user, login->service, login->when});
    }
}

bool DictListener::Impl::make_room(uid_t uid)
{
    if (connections.size() < max_connections)
        return true;
    const auto stranger = std::find_if(
        connections.begin(), connections.end(),
        [this](const Connection& c) { return !options.believed(c.uid); });
    if (!options.believed(uid) || stranger == connections.end())
        return false;
    close(*stranger);
    return true;
}

void DictListener::Impl::accept(int fd)
{
    Fd owned{fd};
    const auto uid = peer_uid(fd);
    if (!uid || !make_room(*uid)) {
        intake.warn("connection turned away");
        return;
    }
    auto* bev = bufferevent_socket_new(evconnlistener_get_base(listener.get()),
                                       fd, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        return;
    owned.release();
    Connection& c = connections.emplace_back(*this, *uid);
    c.self = std::prev(connections.end());
    c.bev.reset(bev);
    bufferevent_setcb(
        bev,
        [](bufferevent*, void* arg) {
            auto* conn = static_cast<Connection*>(arg);
            if (!conn->read())
                conn->owner.close(*conn);
        },
        nullptr,
        [](bufferevent*, short, void* arg) {
            auto* conn = static_cast<Connection*>(arg);
            conn->owner.close(*conn);
        },
        &c);
    bufferevent_set_timeouts(bev, &idle, &idle);
    bufferevent_setwatermark(bev, EV_READ, 0, 2 * max_line);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

DictListener::DictListener(std::unique_ptr<Impl> impl) : impl_{std::move(impl)}
{
}

DictListener::~DictListener() = default;

policy::Result<std::unique_ptr<DictListener>> DictListener::make(
    net::Loop& loop, DictOptions options, policy::relayers::LoginSink sink)
{
    auto socket = UnixSocket::bind(options.path, SOCK_STREAM, options.socket);
    if (!socket)
        return policy::fail(socket.error());
    auto impl = std::make_unique<Impl>(std::move(options), std::move(sink));
    impl->socket.emplace(std::move(*socket));
    impl->listener.reset(evconnlistener_new(
        loop.base(),
        [](evconnlistener*, evutil_socket_t fd, sockaddr*, int, void* self) {
            static_cast<Impl*>(self)->accept(fd);
        },
        impl.get(), LEV_OPT_CLOSE_ON_EXEC, 0, impl->socket->fd()));
    if (!impl->listener)
        return policy::fail(policy::Errc::io, "libevent: no listener");
    return std::unique_ptr<DictListener>{new DictListener{std::move(impl)}};
}

const Counters& DictListener::counters() const
{
    return impl_->intake.counters();
}

}  // namespace milters::login
