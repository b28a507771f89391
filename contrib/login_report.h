// One login, told to relay-milter in one datagram.  For programs in which a
// POP or IMAP user waits: nothing here blocks, allocates or fails loudly.
// C headers only, so that a PAM module built of it needs no C++ library.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace contrib {

/// Where relay-milter listens by custom (relay.login.datagram_socket).
inline constexpr const char* default_socket = "/run/postern/login.sock";

/// A report as text: `postern-login 1`, then `key=value` lines; octets that
/// could be taken for something else are written as %XX.
class LoginReport {
public:
    LoginReport() { append("postern-login 1\n"); }

    /// Adds a line; a null or empty value adds none.
    void add(const char* key, const char* value)
    {
        if (!value || !*value)
            return;
        append(key);
        put('=');
        for (const char* p = value; *p; ++p)
            escaped(static_cast<unsigned char>(*p));
        put('\n');
    }

    /// Sends it or does not, at once: a receiver that is down, hung or not
    /// permitted costs some microseconds.  Returns whether it was taken.
    bool send(const char* socket_path) const
    {
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        if (full_ || strlen(socket_path) >= sizeof to.sun_path)
            return false;
        strcpy(to.sun_path, socket_path);
        const int fd =
            socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return false;
        const ssize_t sent =
            sendto(fd, text_, size_, MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to);
        close(fd);
        return sent == static_cast<ssize_t>(size_);
    }

private:
    void put(char c)
    {
        if (size_ < sizeof text_)
            text_[size_++] = c;
        else
            full_ = true;
    }
    void append(const char* text)
    {
        while (*text)
            put(*text++);
    }
    void escaped(unsigned char c)
    {
        constexpr const char* digits = "0123456789ABCDEF";
        if (c > ' ' && c < 0x7f && c != '%') {
            put(static_cast<char>(c));
            return;
        }
        put('%');
        put(digits[c >> 4]);
        put(digits[c & 15]);
    }

    char text_[1024]{};
    size_t size_ = 0;
    bool full_ = false;
};

/// Whether text is an IPv4 or IPv6 address.  A host name is not looked up:
/// that could take long.
inline bool is_address(const char* text)
{
    in6_addr any{};
    return text && (inet_pton(AF_INET, text, &any) == 1 ||
                    inet_pton(AF_INET6, text, &any) == 1);
}

}  // namespace contrib
