#include "policy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace policy {
namespace {

constexpr std::size_t v4_offset = 12;  // ::ffff:a.b.c.d
constexpr unsigned v4_bits = 32;
constexpr unsigned v6_bits = 128;

bool is_mapped(const std::array<std::uint8_t, 16>& o)
{
    return std::all_of(o.begin(), o.begin() + 10,
                       [](std::uint8_t b) { return b == 0; }) &&
           o[10] == 0xff && o[11] == 0xff;
}

char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool starts_with_tag(std::string_view text)
{
    constexpr std::string_view tag = "ipv6:";
    return text.size() > tag.size() &&
           std::equal(tag.begin(), tag.end(), text.begin(),
                      [](char a, char b) { return a == fold(b); });
}

unsigned family_bits(const ClientAddr& addr)
{
    return addr.kind() == ClientAddr::Kind::v4 ? v4_bits : v6_bits;
}

}  // namespace

std::optional<ClientAddr> ClientAddr::parse(std::string_view text)
{
    if (text.size() > 2 && text.front() == '[' && text.back() == ']')
        text = text.substr(1, text.size() - 2);
    if (starts_with_tag(text))
        text.remove_prefix(5);
    if (text.find(':') != text.npos)
        text = text.substr(0, text.find('%'));
    const std::string z{text};
    std::array<std::uint8_t, 16> six{};
    std::array<std::uint8_t, 4> four{};
    if (z.size() != std::strlen(z.c_str()))
        return std::nullopt;
    if (inet_pton(AF_INET, z.c_str(), four.data()) == 1)
        return v4(four);
    if (inet_pton(AF_INET6, z.c_str(), six.data()) == 1)
        return v6(six);
    return std::nullopt;
}

ClientAddr ClientAddr::from_sockaddr(const sockaddr* sa)
{
    if (!sa)
        return {};
    if (sa->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, sa, sizeof in);
        std::array<std::uint8_t, 4> four{};
        std::memcpy(four.data(), &in.sin_addr, four.size());
        return v4(four);
    }
    if (sa->sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, sa, sizeof in);
        std::array<std::uint8_t, 16> six{};
        std::memcpy(six.data(), &in.sin6_addr, six.size());
        return v6(six);
    }
    return sa->sa_family == AF_UNIX ? unix_socket() : ClientAddr{};
}

ClientAddr ClientAddr::v4(std::array<std::uint8_t, 4> octets)
{
    ClientAddr a;
    a.kind_ = Kind::v4;
    a.octets_[10] = a.octets_[11] = 0xff;
    std::copy(octets.begin(), octets.end(), a.octets_.begin() + v4_offset);
    return a;
}

ClientAddr ClientAddr::v6(std::array<std::uint8_t, 16> octets)
{
    ClientAddr a;
    a.kind_ = is_mapped(octets) ? Kind::v4 : Kind::v6;
    a.octets_ = octets;
    return a;
}

ClientAddr ClientAddr::unix_socket()
{
    ClientAddr a;
    a.kind_ = Kind::unix_socket;
    return a;
}

namespace {

/// inet_ntop(3) takes six times as long, and every decision needs it.
std::string dotted_quad(const std::uint8_t* octets)
{
    std::array<char, INET_ADDRSTRLEN> buf{};
    char* end = buf.data();
    for (int i = 0; i < 4; ++i) {
        if (i != 0)
            *end++ = '.';
        end = std::to_chars(end, buf.data() + buf.size(), octets[i]).ptr;
    }
    return {buf.data(), end};
}

}  // namespace

std::string ClientAddr::text() const
{
    std::array<char, INET6_ADDRSTRLEN> buf{};
    switch (kind_) {
        case Kind::none:
            return {};
        case Kind::unix_socket:
            return "local";
        case Kind::v4:
            return dotted_quad(octets_.data() + v4_offset);
        case Kind::v6:
            inet_ntop(AF_INET6, octets_.data(), buf.data(), buf.size());
            break;
    }
    return buf.data();
}

std::string ClientAddr::sendmail_text() const
{
    if (kind_ == Kind::v4)
        return text();
    if (kind_ != Kind::v6)
        return {};
    std::string out = "IPv6";
    for (std::size_t i = 0; i < octets_.size(); i += 2) {
        std::array<char, 4> hex{};
        const unsigned group = octets_[i] * 256U + octets_[i + 1];
        const auto end = std::to_chars(hex.begin(), hex.end(), group, 16).ptr;
        out += ':';
        out.append(hex.begin(), end);
    }
    return out;
}

std::string ClientAddr::compressed_sendmail_text() const
{
    return kind_ == Kind::v6 ? "IPv6:" + text() : sendmail_text();
}

std::string ClientAddr::map_key() const
{
    std::string key = sendmail_text();
    std::transform(key.begin(), key.end(), key.begin(), fold);
    return key;
}

bool ClientAddr::is_loopback() const
{
    if (kind_ == Kind::v4)
        return octets_[v4_offset] == 127;
    if (kind_ == Kind::v6)
        return octets_.back() == 1 &&
               std::all_of(octets_.begin(), octets_.end() - 1,
                           [](std::uint8_t b) { return b == 0; });
    return true;
}

Network::Network(const ClientAddr& addr, unsigned bits)
    : bits_{std::min(bits, family_bits(addr))}
{
    auto o = addr.octets();
    const unsigned keep = bits_ + (v6_bits - family_bits(addr));
    for (unsigned i = 0; i < o.size(); ++i) {
        const unsigned first = i * 8;
        if (first >= keep)
            o[i] = 0;
        else if (keep - first < 8)
            o[i] &= static_cast<std::uint8_t>(0xff00U >> (keep - first));
    }
    addr_ = ClientAddr::v6(o);
}

std::optional<Network> Network::parse(std::string_view text)
{
    const auto slash = text.find('/');
    const auto addr = ClientAddr::parse(text.substr(0, slash));
    if (!addr)
        return std::nullopt;
    unsigned bits = family_bits(*addr);
    if (slash != text.npos) {
        const auto tail = text.substr(slash + 1);
        unsigned given = 0;
        const auto [end, ec] =
            std::from_chars(tail.data(), tail.data() + tail.size(), given);
        if (ec != std::errc{} || end != tail.data() + tail.size() ||
            given > bits)
            return std::nullopt;
        bits = given;
    }
    const Network net{*addr, bits};
    if (net.address() != *addr)
        return std::nullopt;
    return net;
}

bool Network::contains(const ClientAddr& addr) const
{
    return addr.is_ip() && addr.kind() == addr_.kind() &&
           Network{addr, bits_}.addr_ == addr_;
}

bool Network::is_host() const
{
    return bits_ == family_bits(addr_);
}

std::string Network::text() const
{
    return is_host() ? addr_.text()
                     : addr_.text() + "/" + std::to_string(bits_);
}

}  // namespace policy
