#include "milters/net/server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include <algorithm>
#include <list>
#include <utility>

namespace milters::net {
namespace {

using policy::Errc;
using policy::fail;

struct FreeBuffer {
    void operator()(bufferevent* b) const noexcept { bufferevent_free(b); }
};
struct FreeEvent {
    void operator()(event* e) const noexcept { event_free(e); }
};
struct FreeListener {
    void operator()(evconnlistener* l) const noexcept
    {
        evconnlistener_free(l);
    }
};

timeval to_timeval(std::chrono::milliseconds time)
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    timeval out{};
    out.tv_sec = seconds.count();
    out.tv_usec =
        std::chrono::duration_cast<std::chrono::microseconds>(time - seconds)
            .count();
    return out;
}

}  // namespace

/// Shared with the tasks that workers hold, which may outlive the server.
struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
    struct Client {
        Client(Impl& server, bufferevent* buffer) : impl{server}, io{buffer} {}

        Impl& impl;
        std::unique_ptr<bufferevent, FreeBuffer> io;
        std::unique_ptr<event, FreeEvent> deadline;
        std::list<Client>::iterator self;
        std::uint64_t number = 0;  ///< of the question; 0: none is out
        bool silent = false;       ///< it has said all it will say
        bool closing = false;      ///< when the output is gone
    };

    Impl(Loop& l, Workers& w, ListenSocket s, Protocol p, Limits m)
        : loop{l},
          workers{w},
          socket{std::move(s)},
          protocol{std::move(p)},
          limits{m}
    {
    }

    policy::Status listen();
    void accepted(evutil_socket_t fd);
    void drop_longest_rest();
    void proceed(Client& client);
    void ask(Client& client, std::string request);
    void answered(std::uint64_t number, const std::string& reply);
    void ended(Client& client, bool in_order);
    void late(Client& client);
    bool start_timer(Client& client, std::chrono::milliseconds limit);
    void last_words(Client& client, const std::string& text);
    void drop(Client& client) { clients.erase(client.self); }

    Loop& loop;
    Workers& workers;
    ListenSocket socket;
    Protocol protocol;
    Limits limits;
    /// The longest rest first: a client moves to the end when it speaks.
    std::list<Client> clients;
    std::uint64_t questions = 0;
    std::unique_ptr<evconnlistener, FreeListener> listener;
    std::unique_ptr<event, FreeEvent> pause;
};

policy::Status Server::Impl::listen()
{
    listener.reset(evconnlistener_new(
        loop.base(),
        [](evconnlistener*, evutil_socket_t fd, sockaddr*, int, void* self) {
            static_cast<Impl*>(self)->accepted(fd);
        },
        this, LEV_OPT_CLOSE_ON_EXEC, 0, socket.fd()));
    pause.reset(event_new(
        loop.base(), -1, 0,
        [](evutil_socket_t, short, void* self) {
            evconnlistener_enable(static_cast<Impl*>(self)->listener.get());
        },
        this));
    if (!listener || !pause)
        return fail(Errc::io, "libevent: no listener");
    // Out of descriptors: accepting again at once would only burn time.
    evconnlistener_set_error_cb(
        listener.get(), [](evconnlistener* l, void* self) {
            const auto wait = to_timeval(std::chrono::milliseconds{100});
            evconnlistener_disable(l);
            evtimer_add(static_cast<Impl*>(self)->pause.get(), &wait);
        });
    return {};
}

void Server::Impl::drop_longest_rest()
{
    for (auto& client : clients)
        if (client.number == 0)
            return drop(client);
}

void Server::Impl::accepted(evutil_socket_t fd)
{
    if (clients.size() >= limits.connections)
        drop_longest_rest();
    bufferevent* const io =
        clients.size() < limits.connections
            ? bufferevent_socket_new(loop.base(), fd, BEV_OPT_CLOSE_ON_FREE)
            : nullptr;
    if (!io) {
        evutil_closesocket(fd);
        return;
    }
    auto& client = clients.emplace_back(*this, io);
    client.self = std::prev(clients.end());
    bufferevent_setcb(
        io,
        [](bufferevent*, void* c) {
            auto& one = *static_cast<Client*>(c);
            one.impl.proceed(one);
        },
        [](bufferevent*, void* c) {
            auto& one = *static_cast<Client*>(c);
            if (one.closing)
                one.impl.drop(one);
            else
                one.impl.proceed(one);
        },
        [](bufferevent*, short what, void* c) {
            auto& one = *static_cast<Client*>(c);
            one.impl.ended(one, (what & BEV_EVENT_EOF) != 0);
        },
        &client);
    client.deadline.reset(event_new(
        loop.base(), -1, 0,
        [](evutil_socket_t, short, void* c) {
            auto& one = *static_cast<Client*>(c);
            one.impl.late(one);
        },
        &client));
    bufferevent_setwatermark(io, EV_READ, 0, protocol.max_request + 64);
    const auto patience = to_timeval(limits.client);
    bufferevent_set_timeouts(io, nullptr, &patience);
    bufferevent_enable(io, EV_READ | EV_WRITE);
}

/// A client that has shut down its side still gets its answer.
void Server::Impl::ended(Client& client, bool in_order)
{
    client.silent = true;
    const bool answer_due =
        client.number != 0 ||
        evbuffer_get_length(bufferevent_get_output(client.io.get())) > 0;
    if (!in_order || !answer_due)
        drop(client);
}

/// Either our answer or the rest of the client's question took too long.
void Server::Impl::late(Client& client)
{
    last_words(client, client.number != 0 ? protocol.late : protocol.bad);
}

bool Server::Impl::start_timer(Client& client, std::chrono::milliseconds limit)
{
    const auto time = to_timeval(limit);
    return client.deadline && evtimer_add(client.deadline.get(), &time) == 0;
}

/// Looks at the input, when a client has spoken or has taken its answer.
void Server::Impl::proceed(Client& client)
{
    evbuffer* const input = bufferevent_get_input(client.io.get());
    // Answers that are not read stop the questions.
    if (client.number != 0 || client.closing ||
        evbuffer_get_length(bufferevent_get_output(client.io.get())) > 0)
        return;
    clients.splice(clients.end(), clients, client.self);
    const auto size = evbuffer_get_length(input);
    const auto* bytes =
        size ? reinterpret_cast<const char*>(evbuffer_pullup(input, -1)) : "";
    auto frame = protocol.frame({bytes, size});
    if (frame.kind == Frame::Kind::request) {
        evbuffer_drain(input, frame.consumed);
        return ask(client, std::move(frame.request));
    }
    if (client.silent)
        return drop(client);
    if (frame.kind == Frame::Kind::bad || size > protocol.max_request)
        return last_words(client, protocol.bad);
    // The clock of a request runs from its first byte, however many follow.
    if (size > 0 && !evtimer_pending(client.deadline.get(), nullptr))
        start_timer(client, limits.client);
}

void Server::Impl::ask(Client& client, std::string request)
{
    client.number = ++questions;
    if (!start_timer(client, limits.answer))
        return drop(client);
    workers.submit([self = weak_from_this(), number = client.number,
                    request = std::move(request)] {
        const auto impl = self.lock();
        if (!impl)
            return;
        std::string reply;
        try {
            reply = impl->protocol.answer(request);
        } catch (...) {
            reply = impl->protocol.late;
        }
        impl->loop.post([self, number, reply = std::move(reply)] {
            if (const auto still = self.lock())
                still->answered(number, reply);
        });
    });
}

void Server::Impl::answered(std::uint64_t number, const std::string& reply)
{
    // Who asked lately is at the end.
    const auto asker = std::find_if(
        clients.rbegin(), clients.rend(),
        [&](const Client& client) { return client.number == number; });
    if (asker == clients.rend())
        return;  // the client has gone, or was told that it is late
    asker->number = 0;
    event_del(asker->deadline.get());
    if (reply.empty())
        return drop(*asker);
    bufferevent_write(asker->io.get(), reply.data(), reply.size());
}

/// Says something and ends the connection once it is said.
void Server::Impl::last_words(Client& client, const std::string& text)
{
    if (text.empty())
        return drop(client);
    client.number = 0;
    client.closing = true;
    bufferevent_disable(client.io.get(), EV_READ);
    bufferevent_write(client.io.get(), text.data(), text.size());
}

policy::Result<std::unique_ptr<Server>> Server::make(Loop& loop,
                                                     Workers& workers,
                                                     ListenSocket socket,
                                                     Protocol protocol,
                                                     Limits limits)
{
    auto impl = std::make_shared<Impl>(loop, workers, std::move(socket),
                                       std::move(protocol), limits);
    if (auto fine = impl->listen(); !fine)
        return fail(fine.error());
    return std::unique_ptr<Server>{new Server{std::move(impl)}};
}

Server::Server(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}

Server::~Server() = default;

void Server::close()
{
    impl_->listener.reset();
    impl_->socket.close();
}

std::size_t Server::connections() const
{
    return impl_->clients.size();
}

}  // namespace milters::net
