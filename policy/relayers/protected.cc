#include "policy/relayers/protected.h"

#include <arpa/inet.h>
#include <ifaddrs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <utility>

namespace policy::relayers {
namespace {

constexpr int base_hex = 16;

std::optional<std::vector<ClientAddr>> own_addresses()
{
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0)
        return std::nullopt;
    const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned{list,
                                                                 &freeifaddrs};
    std::vector<ClientAddr> all;
    for (const auto* one = list; one; one = one->ifa_next) {
        const auto addr = ClientAddr::from_sockaddr(one->ifa_addr);
        if (addr.is_ip())
            all.push_back(addr);
    }
    return all;
}

std::optional<std::string> text_of(const std::string& path)
{
    std::ifstream in{path};
    if (!in)
        return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{in}, {}};
}

/// Word `index` of each line.
std::vector<std::string> column(std::string_view text, std::size_t index)
{
    std::vector<std::string> column;
    std::istringstream lines{std::string{text}};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words{line};
        std::string word;
        for (std::size_t i = 0; i <= index && words >> word; ++i)
            if (i == index)
                column.push_back(word);
    }
    return column;
}

template <class T>
std::optional<T> from_hex(std::string_view digits)
{
    T value = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, ec] =
        std::from_chars(digits.data(), end, value, base_hex);
    if (ec != std::errc{} || rest != end || digits.size() != 2 * sizeof(T))
        return std::nullopt;
    return value;
}

void refresh_from(const std::string& path, std::vector<ClientAddr>& addresses,
                  std::vector<ClientAddr> (*parse)(std::string_view))
{
    if (const auto text = text_of(path))
        addresses = parse(*text);
}

bool among(const std::vector<ClientAddr>& addresses, const ClientAddr& addr)
{
    return std::find(addresses.begin(), addresses.end(), addr) !=
           addresses.end();
}

}  // namespace

std::vector<ClientAddr> ipv4_gateways(std::string_view text)
{
    std::vector<ClientAddr> gateways;
    for (const auto& word : column(text, 2)) {
        const auto number = from_hex<std::uint32_t>(word);
        if (!number || *number == 0)
            continue;
        std::array<std::uint8_t, 4> octets{};
        std::memcpy(octets.data(), &*number, octets.size());
        gateways.push_back(ClientAddr::v4(octets));
    }
    return gateways;
}

std::vector<ClientAddr> ipv6_gateways(std::string_view text)
{
    std::vector<ClientAddr> gateways;
    for (const auto& word : column(text, 4)) {
        std::array<std::uint8_t, 16> octets{};
        bool good = word.size() == 2 * octets.size();
        for (std::size_t i = 0; good && i < octets.size(); ++i) {
            const auto octet =
                from_hex<std::uint8_t>(std::string_view{word}.substr(2 * i, 2));
            good = octet.has_value();
            octets[i] = octet.value_or(0);
        }
        const bool zero = octets == std::array<std::uint8_t, 16>{};
        if (good && !zero)
            gateways.push_back(ClientAddr::v6(octets));
    }
    return gateways;
}

Protected::Protected(std::vector<Network> named, AddressSources from)
    : named_{std::move(named)}, from_{std::move(from)}
{
    refresh();
}

void Protected::refresh()
{
    auto own = from_.interfaces ? own_addresses() : std::nullopt;
    const std::lock_guard lock{mutex_};
    if (own)
        own_ = std::move(*own);
    refresh_from(from_.route, gateways4_, ipv4_gateways);
    refresh_from(from_.ipv6_route, gateways6_, ipv6_gateways);
}

bool Protected::contains(const ClientAddr& addr) const
{
    if (!addr.is_ip() || addr.is_loopback())
        return true;
    if (std::any_of(named_.begin(), named_.end(),
                    [&](const Network& n) { return n.contains(addr); }))
        return true;
    const std::lock_guard lock{mutex_};
    return among(own_, addr) || among(gateways4_, addr) ||
           among(gateways6_, addr);
}

bool Protected::overlaps(const Network& network) const
{
    if (contains(network.address()) ||
        network.contains(*ClientAddr::parse("::1")) ||
        network.contains(*ClientAddr::parse("127.0.0.1")))
        return true;
    if (std::any_of(named_.begin(), named_.end(), [&](const Network& n) {
            return network.contains(n.address());
        }))
        return true;
    const auto inside = [&](const ClientAddr& a) {
        return network.contains(a);
    };
    const std::lock_guard lock{mutex_};
    return std::any_of(own_.begin(), own_.end(), inside) ||
           std::any_of(gateways4_.begin(), gateways4_.end(), inside) ||
           std::any_of(gateways6_.begin(), gateways6_.end(), inside);
}

}  // namespace policy::relayers
