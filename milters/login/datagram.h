// Login reports as datagrams on a unix socket: post-login hooks, the PAM
// module, anything that can send one packet.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "milters/login/intake.h"
#include "milters/login/unix_socket.h"
#include "milters/net/loop.h"

namespace milters::login {

struct DatagramOptions {
    Common common{};
    std::string path;
    SocketMode socket{};
    /// Who is believed, beside root and the own uid.  The kernel tells the
    /// sender's uid (SO_PASSCRED); what the datagram says does not count.
    Believed believed{};
};

/// One datagram is one report:
///
///     postern-login 1
///     ip=192.0.2.7
///     user=alice
///     service=pop3
///     method=PLAIN
///
/// First line the version; then `key=value` lines in any order, each ended by
/// a newline (the last one may lack it).  `ip` is needed, `user`, `service`
/// and `method` (SASL's name of it) may be missing where the hook does not know
/// them; other keys are ignored.
/// In values `%XX` (hexadecimal) stands for an octet; `%`, control characters
/// and whatever else the sender likes are written so.  A key given twice
/// makes the whole report void: a value that smuggled in a line cannot win.
struct Report {
    std::string ip, user, service, method;
};

/// nullopt if it is no report.  Pure.
std::optional<Report> parse_report(std::string_view datagram);

/// Receives reports; never answers, so no sender can wait for it.  Thread
/// rule as HttpListener.
class DatagramListener {
public:
    static policy::Result<std::unique_ptr<DatagramListener>> make(
        net::Loop& loop, DatagramOptions options,
        policy::relayers::LoginSink sink);
    ~DatagramListener();
    DatagramListener(const DatagramListener&) = delete;
    DatagramListener& operator=(const DatagramListener&) = delete;

    const Counters& counters() const;

    static constexpr std::size_t max_datagram = 2048;

private:
    struct Impl;
    explicit DatagramListener(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace milters::login
