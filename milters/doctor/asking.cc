#include "milters/doctor/asking.h"

#include <ifaddrs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "policy/address.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

struct FreeAddresses {
    void operator()(ifaddrs* list) const noexcept { ::freeifaddrs(list); }
};

bool is_own(const policy::ClientAddr& addr)
{
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return false;
    const std::unique_ptr<ifaddrs, FreeAddresses> owned{list};
    for (const auto* one = list; one; one = one->ifa_next)
        if (one->ifa_addr &&
            policy::ClientAddr::from_sockaddr(one->ifa_addr) == addr)
            return true;
    return false;
}

}  // namespace

std::vector<Limit> limits_of(const Site& site, Milter milter)
{
    const Limit scan{"virus.deadline", site.config->virus.deadline};
    const Limit recipes{"filter.time", site.config->filter.time};
    switch (milter) {
        case Milter::virus:
            return {scan};
        case Milter::filter:
            return {recipes};
        case Milter::all_in_one:
            return {scan, recipes};
        case Milter::relay:
        case Milter::foreign:
            break;
    }
    return {};
}

std::string in_seconds(policy::config::Milliseconds time)
{
    return std::to_string(
               std::chrono::ceil<std::chrono::seconds>(time).count()) +
           "s";
}

bool is_this_host(const std::string& host)
{
    const auto name = policy::sendmail::lower(host);
    if (name.empty() || name == "localhost" || name.starts_with("localhost."))
        return true;
    if (const auto addr = policy::ClientAddr::parse(name))
        return addr->is_loopback() || is_own(*addr);
    std::array<char, 256> own{};
    ::gethostname(own.data(), own.size() - 1);
    const std::string mine = policy::sendmail::lower(own.data());
    return name == mine || name == mine.substr(0, mine.find('.'));
}

std::vector<std::pair<std::string, std::string>> misplaced(
    const std::vector<Called>& filters)
{
    std::vector<std::pair<std::string, std::string>> all;
    const Called* last = nullptr;
    for (const auto& one : filters) {
        if (one.milter == Milter::foreign)
            continue;
        if (last && one.milter < last->milter)
            all.emplace_back(one.name, last->name);
        else
            last = &one;
    }
    return all;
}

}  // namespace milters::doctor
