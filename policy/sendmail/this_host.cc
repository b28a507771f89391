// The host as sendmail sees it: users, files, and its own names.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "policy/sendmail/flow.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

/// Shells of people who may run programs.
bool is_shell(const std::string& path)
{
    constexpr const char* any = "/SENDMAIL/ANY/SHELL/";
    std::ifstream in{"/etc/shells"};
    if (!in || path.empty())
        return path.empty() || path == "/bin/sh" || path == "/bin/bash";
    for (std::string line; std::getline(in, line);)
        if (const auto shell = trimmed(line); shell == path || shell == any)
            return true;
    return false;
}

/// @param ask  fills an entry by a name or a number
template <class Ask>
std::optional<Account> entry_of(Ask ask)
{
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 16384> buffer;
    if (ask(&entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return std::nullopt;
    return Account{found->pw_name, found->pw_dir, found->pw_uid,
                   is_shell(found->pw_shell)};
}

std::optional<Account> account_of(const std::string& name)
{
    const auto ask = [&name](passwd* entry, char* buffer, std::size_t size,
                             passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
    };
    auto account = entry_of(ask);
    if (!account && lower(name) != name)
        return account_of(lower(name));
    return account;
}

std::optional<Account> account_of(uid_t uid)
{
    return entry_of(
        [uid](passwd* entry, char* buffer, std::size_t size, passwd** found) {
            return ::getpwuid_r(uid, entry, buffer, size, found);
        });
}

bool belongs(const struct stat& st, const Account& owner)
{
    return st.st_uid == 0 || st.st_uid == owner.uid;
}

/// Whether nobody else can put a file into the folder of `path`.
bool in_own_folder(const std::string& path, const Account& owner)
{
    const auto folder = std::filesystem::path{path}.parent_path().string();
    struct stat st {};
    return ::stat(folder.c_str(), &st) == 0 && belongs(st, owner) &&
           (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

AddressFile missing(std::string why)
{
    AddressFile file;
    file.error = std::move(why);
    return file;
}

AddressFile read_addresses(const std::string& path, const Account* owner)
{
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0)
        return missing(std::strerror(errno));
    if (!S_ISREG(st.st_mode))
        return missing("Not a regular file");
    if (owner && (!belongs(st, *owner) || !in_own_folder(path, *owner)))
        return missing("Permission denied");
    std::ifstream in{path, std::ios::binary};
    if (!in)
        return missing(std::strerror(errno));
    std::ostringstream text;
    if (in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    AddressFile file;
    file.text = text.str();
    file.group_writable = (st.st_mode & S_IWGRP) != 0;
    file.world_writable = (st.st_mode & S_IWOTH) != 0;
    const auto holder = account_of(st.st_uid);
    file.owner = holder ? holder->name : std::to_string(st.st_uid);
    file.shell_ok = holder && holder->shell_ok;
    return file;
}

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
    world.account = [](const std::string& name) { return account_of(name); };
    world.read = read_addresses;
    world.canonical = canonical_name;
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    world.host_name = name.data();
    world.own_names = own_addresses();
    return world;
}

}  // namespace policy::sendmail
