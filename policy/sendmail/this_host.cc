// The host as sendmail sees it: users, files, and its own names.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <array>

#include "policy/sendmail/address_file.h"
#include "policy/sendmail/flow.h"

namespace policy::sendmail {
namespace {

struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};

std::optional<std::string> canonical_name(const std::string& name)
{
    addrinfo hints{};
    hints.ai_flags = AI_CANONNAME;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0)
        return std::nullopt;
    const std::unique_ptr<addrinfo, FreeAddresses> owned{list};
    return list->ai_canonname ? std::optional{std::string{list->ai_canonname}}
                              : std::nullopt;
}

/// `[192.0.2.1]`; empty for what is no Internet address.
std::string bracketed(const sockaddr* address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (!address)
        return {};
    if (address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        return "[" + std::string{text.data()} + "]";
    }
    if (address->sa_family != AF_INET6)
        return {};
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return "[IPv6:" + std::string{text.data()} + "]";
}

std::set<std::string> own_addresses()
{
    std::set<std::string> all{"[127.0.0.1]"};
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return all;
    const std::unique_ptr<ifaddrs, FreeAddresses> owned{list};
    for (const auto* one = list; one; one = one->ifa_next)
        if (const auto text = bracketed(one->ifa_addr); !text.empty())
            all.insert(text);
    return all;
}

}  // namespace

FlowWorld this_host()
{
    FlowWorld world;
    world.account = [](const std::string& name) {
        return account_called(name);
    };
    world.read = read_address_file;
    world.canonical = canonical_name;
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    world.host_name = name.data();
    world.own_names = own_addresses();
    return world;
}

}  // namespace policy::sendmail
