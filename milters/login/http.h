// Login reports over HTTP: Dovecot's auth policy client (the default way) and
// its event exporter.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "milters/login/http_report.h"
#include "milters/login/intake.h"
#include "milters/net/loop.h"

namespace milters::login {

/// The secret that reports must carry, and the header that carries it.
struct Secret {
    std::string header = "X-Relay-Auth";
    std::string value;
};

/// Reads a secret file: its first line that is no `#` comment, in one of the
/// forms
///
///     VALUE
///     Header-Name: VALUE
///     auth_policy_server_api_header = Header-Name: VALUE
///
/// the last of which Dovecot can `!include_try`.  An error if there is none,
/// it is shorter than 8 octets, or everybody may read it (denied).
policy::Result<Secret> read_secret(const std::string& path);

struct HttpOptions {
    Common common{};
    std::string listen = "127.0.0.1:21580";  ///< ADDRESS:PORT; port 0: any
    Secret secret{};                         ///< must not be empty
    Use use = Use::remote;
    /// Connections at a time; the one that has rested longest makes room.
    std::size_t connections = 200;
    std::chrono::seconds idle{60};  ///< then a silent connection is closed
};

/// Serves POST on loopback:
///
///   /ANY?command=report   auth_policy_server_url: counts a login when
///                         success is true and policy_reject is false
///   /ANY?command=allow    answered, counts nothing: the policy client's
///                         question before a login, always "yes"
///   /event                event_exporter with transport = http-post: counts
///                         auth_request_finished with success=yes
///
/// The secret comes in its header or, since an event exporter can set no
/// header, as the password of HTTP Basic authentication
/// (http://any:SECRET@127.0.0.1:21580/event).  Answers at once in all cases:
/// 200 {"status":0,"msg":""}, 403 without the secret, 405 for other methods,
/// 400 for what is not understood, 413 above max_body.
///
/// Lives on the loop's thread: make it before the loop runs or on its thread,
/// destroy it there or when the loop has stopped.
class HttpListener {
public:
    static policy::Result<std::unique_ptr<HttpListener>> make(
        net::Loop& loop, HttpOptions options, policy::relayers::LoginSink sink);
    ~HttpListener();
    HttpListener(const HttpListener&) = delete;
    HttpListener& operator=(const HttpListener&) = delete;

    std::uint16_t port() const;
    const Counters& counters() const;

    static constexpr std::size_t max_body = 64 * 1024;
    static constexpr std::size_t max_headers = 8 * 1024;

private:
    struct Impl;
    explicit HttpListener(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace milters::login
