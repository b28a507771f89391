// One conversation with a server that may hang at any point.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "milters/scanner/channel.h"
#include "policy/config/socket_spec.h"
#include "policy/result.h"

namespace milters::scanner {

/// Called about once a second while something is waited for; false gives up.
using Tick = std::function<bool()>;

/// A connection with an end: nothing waits longer than that.  One thread.
class Talk {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Connects; 5 s, or `end` if that is sooner.
    static policy::Result<Talk> connect(const policy::config::SocketSpec& where,
                                        Time end, const Tick& tick);

    Talk(Fd socket, Time end, const Tick& tick)
        : socket_{std::move(socket)}, end_{end}, tick_{tick}
    {
    }

    policy::Status send(std::string_view bytes);
    /// The open file itself, beside a byte (clamd(8), FILDES).
    policy::Status send_file(int file);
    /// Up to the NUL that ends a reply.
    policy::Result<std::string> reply();
    /// @param what  poll(2) events
    policy::Status wait(short what);

private:
    Fd socket_;
    Time end_;
    Tick tick_;
};

}  // namespace milters::scanner
