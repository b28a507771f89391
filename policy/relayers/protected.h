// Addresses that no login may open the relay for: a login that seems to come
// from one of them came through a proxy, a gateway or ourselves, and would
// open the relay to everybody behind it.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/result.h"

namespace policy::relayers {

/// Where the system's addresses are read from.
struct AddressSources {
    std::string route = "/proc/net/route";
    std::string ipv6_route = "/proc/net/ipv6_route";
    bool interfaces = true;  ///< getifaddrs(3)
};

/// Gateways in the text of /proc/net/route: IPv4, hex, in the byte order of
/// this machine.  Lines that are not understood are skipped.  Pure.
std::vector<ClientAddr> ipv4_gateways(std::string_view text);

/// Gateways in the text of /proc/net/ipv6_route.  Pure.
std::vector<ClientAddr> ipv6_gateways(std::string_view text);

/// Loopback, the host's own addresses, its gateways, and what the
/// administrator names.  Any thread may ask while another refreshes.
class Protected {
public:
    /// @param named  trusted proxies and other networks
    explicit Protected(std::vector<Network> named, AddressSources from = {});

    /// Reads the system's addresses again: they change with interfaces and
    /// DHCP.  A source that cannot be read leaves what it said before.
    void refresh();

    bool contains(const ClientAddr& addr) const;
    /// Whether any protected address lies in `network`, or all of it in one.
    bool overlaps(const Network& network) const;

private:
    const std::vector<Network> named_;
    const AddressSources from_;
    mutable std::mutex mutex_;
    std::vector<ClientAddr> own_, gateways4_, gateways6_;
};

}  // namespace policy::relayers
