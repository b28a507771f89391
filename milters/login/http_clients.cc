#include "milters/login/http_clients.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace milters::login {
namespace {

/// 0: no socket.
ino_t inode_of(int fd)
{
    struct stat st {};
    return fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino
                                                                  : 0;
}

}  // namespace

std::uint16_t local_port(int fd)
{
    sockaddr_storage ss{};
    socklen_t size = sizeof ss;
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&ss), &size) != 0 ||
        (ss.ss_family != AF_INET && ss.ss_family != AF_INET6))
        return 0;
    // sin_port and sin6_port are at the same place.
    sockaddr_in in{};
    std::memcpy(&in, &ss, sizeof in);
    return ntohs(in.sin_port);
}

void HttpClients::FreeEvent::operator()(event* e) const noexcept
{
    event_free(e);
}

HttpClients::~HttpClients()
{
    for (auto* const bev : fresh_)
        bufferevent_decref(bev);
}

bool HttpClients::watch(event_base* base, int listening)
{
    port_ = local_port(listening);
    settle_.reset(event_new(
        base, -1, 0,
        [](evutil_socket_t, short, void* self) {
            static_cast<HttpClients*>(self)->settle();
        },
        this));
    return settle_ != nullptr;
}

bufferevent* HttpClients::accepted(event_base* base, void* self)
{
    auto& clients = *static_cast<HttpClients*>(self);
    bufferevent* const bev = bufferevent_socket_new(base, -1, 0);
    if (!bev)
        return nullptr;
    // evhttp gives it the descriptor after this.
    bufferevent_incref(bev);
    clients.fresh_.push_back(bev);
    event_active(clients.settle_.get(), EV_TIMEOUT, 0);
    return bev;
}

void HttpClients::settle()
{
    for (auto* const bev : fresh_) {
        const int fd = bufferevent_getfd(bev);
        bufferevent_decref(bev);
        if (const Client client{fd, inode_of(fd)}; is_there(client))
            clients_.push_back(client);
    }
    fresh_.clear();
    if (clients_.size() <= most_)
        return;
    std::erase_if(clients_, [this](const Client& c) { return !is_there(c); });
    while (clients_.size() > most_)
        drop_one();
}

bool HttpClients::is_there(const Client& client) const
{
    return client.inode != 0 && inode_of(client.fd) == client.inode &&
           local_port(client.fd) == port_;
}

/// evhttp reads an end of file then, and closes it.
void HttpClients::drop_one()
{
    auto last = std::find_if(clients_.begin(), clients_.end(),
                             [](const Client& c) { return !c.trusted; });
    if (last == clients_.end())
        last = clients_.begin();
    shutdown(last->fd, SHUT_RDWR);
    clients_.erase(last);
}

void HttpClients::spoke(int fd, bool trusted)
{
    const ino_t inode = inode_of(fd);
    const auto found = std::find_if(
        clients_.begin(), clients_.end(),
        [&](const Client& c) { return c.fd == fd && c.inode == inode; });
    if (found == clients_.end())
        return;
    found->trusted = found->trusted || trusted;
    clients_.splice(clients_.end(), clients_, found);
}

}  // namespace milters::login
