// A server of one question after the other: socketmap, policy delegation and
// the control socket differ only in how a request is framed and answered.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "milters/net/loop.h"
#include "milters/net/socket.h"
#include "milters/net/workers.h"

namespace milters::net {

/// What the front of the input is.
struct Frame {
    enum class Kind {
        more,     ///< not a whole request yet
        request,  ///< one request
        bad,      ///< can never become one
    };

    Kind kind = Kind::more;
    std::size_t consumed = 0;  ///< bytes of the input it takes up
    std::string request{};
};

/// What is spoken on a socket.  The functions are pure or thread-safe:
/// `answer` runs in a worker, two of them at the same time for two clients.
struct Protocol {
    std::function<Frame(std::string_view input)> frame;
    /// The reply, framed; empty: close without one.
    std::function<std::string(const std::string& request)> answer;
    /// Sent, framed, when the answer is late or fails; then the connection
    /// ends, since the late answer must not reach the next question.
    std::string late;
    /// Sent before a client with a bad frame is cut off; may be empty.
    std::string bad;
    /// More input than this without a whole request is a bad frame.
    std::size_t max_request = 100'000;
};

struct Limits {
    std::chrono::milliseconds answer{5000};  ///< until `late` is sent
    /// To finish a request that has begun, and to take a reply.  Between
    /// requests a client may rest as long as it likes.
    std::chrono::milliseconds client{10000};
    /// At a time; when they are all there, the one that has rested longest
    /// makes room for the next.
    std::size_t connections = 1000;
};

/// Serves one listening socket.  Lives on the loop's thread: make it before
/// the loop runs, destroy it after the loop and the workers have ended.  A
/// client's requests are answered in order, one at a time.
class Server {
public:
    static policy::Result<std::unique_ptr<Server>> make(Loop& loop,
                                                        Workers& workers,
                                                        ListenSocket socket,
                                                        Protocol protocol,
                                                        Limits limits);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Takes its name away and accepts no more.  On the loop's thread, or
    /// after it has ended.
    void close();

    std::size_t connections() const;

    struct Impl;

private:
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace milters::net
