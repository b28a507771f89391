#include "policy/config/socket_spec.h"

#include <sys/un.h>

#include <charconv>

namespace policy::config {
namespace {

constexpr std::size_t max_path = sizeof(sockaddr_un::sun_path) - 1;

std::string quoted(std::string_view text)
{
    return "'" + std::string(text) + "'";
}

Result<SocketSpec> unix_socket(std::string_view path)
{
    if (path.empty() || path.front() != '/')
        return fail(Errc::parse,
                    "socket " + quoted(path) + " is not an absolute path");
    if (path.size() > max_path)
        return fail(Errc::parse,
                    "socket path of " + std::to_string(path.size()) +
                        " bytes, longer than " + std::to_string(max_path));
    return SocketSpec{SocketSpec::Kind::unix_path, std::string(path), {}, 0};
}

Result<std::uint16_t> port_of(std::string_view text)
{
    unsigned port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, port);
    if (ec != std::errc{} || rest != end || port == 0 || port > 65535)
        return fail(Errc::parse, "port " + quoted(text) + " is not 1 to 65535");
    return static_cast<std::uint16_t>(port);
}

std::string_view unbracketed(std::string_view host)
{
    if (host.size() > 1 && host.front() == '[' && host.back() == ']')
        return host.substr(1, host.size() - 2);
    return host;
}

Result<SocketSpec> ip_socket(SocketSpec::Kind kind, std::string_view host,
                             std::string_view port)
{
    const auto number = port_of(port);
    if (!number)
        return fail(number.error());
    return SocketSpec{kind, {}, std::string(unbracketed(host)), *number};
}

}  // namespace

Result<SocketSpec> SocketSpec::parse(std::string_view text)
{
    if (text.empty() || text == "none")
        return SocketSpec{};
    if (text.front() == '/')
        return unix_socket(text);
    const auto colon = text.find(':');
    const auto scheme = text.substr(0, colon);
    if (colon == std::string_view::npos ||
        (scheme != "unix" && scheme != "local" && scheme != "inet" &&
         scheme != "inet6"))
        return fail(Errc::parse, "socket " + quoted(text) +
                                     " is not unix:/path, inet:port@host or "
                                     "inet6:port@host");
    const auto rest = text.substr(colon + 1);
    if (scheme == "unix" || scheme == "local")
        return unix_socket(rest);
    const auto at = rest.find('@');
    const auto host = at == std::string_view::npos ? "" : rest.substr(at + 1);
    return ip_socket(scheme == "inet" ? Kind::inet : Kind::inet6, host,
                     rest.substr(0, at));
}

Result<SocketSpec> SocketSpec::parse_listen(std::string_view text)
{
    const auto colon = text.rfind(':');
    const auto digits =
        colon == std::string_view::npos ? "" : text.substr(colon + 1);
    if (digits.empty() ||
        digits.find_first_not_of("0123456789") != std::string_view::npos ||
        text.starts_with("inet:") || text.starts_with("inet6:"))
        return parse(text);
    const auto host = text.substr(0, colon);
    if (host.find(':') != std::string_view::npos && host.front() != '[')
        return fail(Errc::parse,
                    "address " + quoted(text) + " needs brackets: [host]:port");
    return ip_socket(host.starts_with('[') ? Kind::inet6 : Kind::inet, host,
                     digits);
}

std::string SocketSpec::text() const
{
    switch (kind) {
        case Kind::none:
            break;
        case Kind::unix_path:
            return "unix:" + path;
        case Kind::inet:
        case Kind::inet6:
            return (kind == Kind::inet ? "inet:" : "inet6:") +
                   std::to_string(port) + (host.empty() ? "" : "@" + host);
    }
    return "none";
}

}  // namespace policy::config
