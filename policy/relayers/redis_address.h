// Where a Redis or Valkey server is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policy::relayers {

struct RedisAddress {
    std::string host;  ///< empty: `path` is a unix socket
    int port = 6379;
    std::string path;
    std::string user, password;
    int database = 0;

    /// `redis://[[user]:password@]host[:port][/database]`, the host as a
    /// name, an address or an IPv6 address in brackets, or
    /// `redis+unix:/path[?database]`.  nullopt if malformed.
    static std::optional<RedisAddress> parse(std::string_view url);

    /// For messages: without user and password.
    std::string text() const;
};

}  // namespace policy::relayers
