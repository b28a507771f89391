// Where a socket is, in the notation of libmilter and of sendmail's S=.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/result.h"

namespace policy::config {

/// `unix:/run/x.sock` (also `local:` or a bare path), `inet:8891@127.0.0.1`,
/// `inet6:8891@::1`.  A value.
struct SocketSpec {
    enum class Kind { none, unix_path, inet, inet6 };

    Kind kind = Kind::none;
    std::string path;  ///< unix_path: absolute, short enough for sun_path
    std::string host;  ///< inet, inet6: name or address; empty: any address
    std::uint16_t port = 0;

    bool off() const { return kind == Kind::none; }

    /// The notation again; `none` if off.
    std::string text() const;

    friend bool operator==(const SocketSpec&, const SocketSpec&) = default;

    /// `none` and the empty text give kind none.  Errc::parse says what is
    /// wrong, without file and line.
    static Result<SocketSpec> parse(std::string_view text);

    /// `127.0.0.1:21580`, `[::1]:21580`, `localhost:80`; else as parse().
    static Result<SocketSpec> parse_listen(std::string_view text);
};

}  // namespace policy::config
