// Login reports over Dovecot's dict protocol: what the last_login plugin
// writes when its dict is proxy:/run/postern/dict.sock:relayers.
#pragma once

#include <memory>
#include <string>

#include "milters/login/intake.h"
#include "milters/login/unix_socket.h"
#include "milters/net/loop.h"

namespace milters::login {

struct DictOptions {
    Common common{};
    std::string path;
    SocketMode socket{};
    /// Who is believed, beside root and the own uid: usually the uid that
    /// Dovecot's imap and pop3 processes have (mail_uid).
    Believed believed{};
};

/// A dict server that stores nothing: lookups find nothing, and a committed
/// `last-login/ADDRESS[/USER]` or `last-login/SERVICE/ADDRESS[/USER]` is a
/// login.  The value is its time in seconds, ms, us or ns since the epoch.
/// Thread rule as HttpListener.
class DictListener {
public:
    static policy::Result<std::unique_ptr<DictListener>> make(
        net::Loop& loop, DictOptions options, policy::relayers::LoginSink sink);
    ~DictListener();
    DictListener(const DictListener&) = delete;
    DictListener& operator=(const DictListener&) = delete;

    const Counters& counters() const;

    static constexpr std::size_t max_line = 8 * 1024;
    /// When they are all there, one of a uid that is not believed makes room
    /// for one that is; others are turned away.
    static constexpr std::size_t max_connections = 1024;

private:
    struct Connection;
    struct Impl;
    explicit DictListener(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace milters::login
