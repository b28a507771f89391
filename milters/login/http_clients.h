// A limit for the connections of an evhttp server, which knows none itself.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

struct bufferevent;
struct event;
struct event_base;

namespace milters::login {

/// Knows the connections of one evhttp server and closes the one that has
/// rested longest when there are too many: first among those that have never
/// shown the secret, so that whoever may reach the port cannot cut off the
/// server that reports.  Lives on the loop's thread, longer than the evhttp.
class HttpClients {
public:
    /// @param most  at a time; within one turn of the loop there may be more
    explicit HttpClients(std::size_t most) : most_{most} {}
    ~HttpClients();
    HttpClients(const HttpClients&) = delete;
    HttpClients& operator=(const HttpClients&) = delete;

    /// @param listening  the server's socket: nothing is closed that is not
    ///                   a connection to its port
    /// @return false if memory is short
    bool watch(event_base* base, int listening);

    /// For evhttp_set_bevcb, with this as its argument.
    static bufferevent* accepted(event_base* base, void* self);

    /// A request has come.  @param trusted  with the secret
    void spoke(int fd, bool trusted);

private:
    /// A descriptor may be somebody else's by now; its inode never is.
    struct Client {
        int fd;
        ino_t inode;
        bool trusted = false;
    };
    struct FreeEvent {
        void operator()(event* e) const noexcept;
    };

    void settle();
    void drop_one();
    bool is_there(const Client& client) const;

    std::size_t most_;
    int port_ = 0;
    std::list<Client> clients_;  ///< the longest rest first
    /// Accepted in this turn of the loop, kept alive until their number is
    /// known.
    std::vector<bufferevent*> fresh_;
    std::unique_ptr<event, FreeEvent> settle_;
};

/// Port of a bound TCP socket; 0 if it is none.
std::uint16_t local_port(int fd);

}  // namespace milters::login
