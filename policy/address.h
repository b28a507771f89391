// Who connects and who is written to: client addresses (IPv4, IPv6, unix
// socket, none) and networks.  Envelope addresses are in envelope.h.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace policy {

/// The address of an SMTP client or of a POP/IMAP login.  A value: copy it.
/// IPv4 written as IPv6 (::ffff:192.0.2.1) is folded to IPv4 at the door, so
/// that one host has one address.
class ClientAddr {
public:
    enum class Kind { none, v4, v6, unix_socket };

    /// No address: stdin, `sendmail -bs`, a probe, an unknown family.
    ClientAddr() = default;

    /// From text: dotted quad, any IPv6 spelling, with or without sendmail's
    /// `IPv6:` tag (any case) or one pair of brackets; a scope (%eth0) is
    /// dropped.  nullopt if it is none of these.
    static std::optional<ClientAddr> parse(std::string_view text);

    /// From what libmilter or accept(2) hands over; null gives kind none.
    static ClientAddr from_sockaddr(const sockaddr* sa);

    /// From 4 or 16 octets in network order.
    static ClientAddr v4(std::array<std::uint8_t, 4> octets);
    static ClientAddr v6(std::array<std::uint8_t, 16> octets);
    static ClientAddr unix_socket();

    Kind kind() const { return kind_; }
    bool is_ip() const { return kind_ == Kind::v4 || kind_ == Kind::v6; }

    /// 16 octets; IPv4 as ::ffff:a.b.c.d.  All zero for none and unix.
    const std::array<std::uint8_t, 16>& octets() const { return octets_; }

    /// `192.0.2.1`, `2001:db8::1` (RFC 5952), `` for none, `local` for unix.
    std::string text() const;

    /// As ${client_addr} of Debian's sendmail: `192.0.2.1`,
    /// `IPv6:2001:db8:0:0:0:0:0:1` (not compressed); empty for none,
    /// and for unix, as sendmail has it for a local pipe.
    std::string sendmail_text() const;

    /// The same with UseCompressedIPv6Addresses: `IPv6:2001:db8::1`.
    std::string compressed_sendmail_text() const;

    /// Key in relayers.db: sendmail_text() in lower case, since sendmail and
    /// makemap fold keys.
    std::string map_key() const;

    /// 127.0.0.0/8, ::1, and kinds none and unix.
    bool is_loopback() const;

    friend bool operator==(const ClientAddr&, const ClientAddr&) = default;
    friend auto operator<=>(const ClientAddr&, const ClientAddr&) = default;

private:
    Kind kind_ = Kind::none;
    std::array<std::uint8_t, 16> octets_{};
};

/// A network: an address and how many leading bits count.  The host bits are
/// zero.  Bits count within the family: 0..32 for IPv4, 0..128 for IPv6.
class Network {
public:
    /// The network of `bits` leading bits that `addr` lies in; bits above the
    /// family's width mean the single address.  REQUIRES addr.is_ip().
    Network(const ClientAddr& addr, unsigned bits);

    /// From `192.0.2.0/24`, `2001:db8::/32` or a single address.  nullopt if
    /// malformed, if bits are too many, or if host bits are set.
    static std::optional<Network> parse(std::string_view text);

    bool contains(const ClientAddr& addr) const;
    const ClientAddr& address() const { return addr_; }
    unsigned bits() const { return bits_; }
    /// Whether it is one address (a /32 or a /128).
    bool is_host() const;

    /// `192.0.2.0/24`; a single address without `/32` or `/128`.
    std::string text() const;

    friend bool operator==(const Network&, const Network&) = default;
    friend auto operator<=>(const Network&, const Network&) = default;

private:
    ClientAddr addr_;
    unsigned bits_;
};

}  // namespace policy
