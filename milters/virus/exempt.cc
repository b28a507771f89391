#include "milters/virus/exempt.h"

#include <algorithm>
#include <memory_resource>

#include "policy/map/access.h"
#include "policy/scan/store.h"

namespace milters::virus {
namespace {

using policy::map::Access;
using policy::map::Found;
using policy::map::Lookup;
using policy::map::Mark;

constexpr const char* tag = "Virus";

bool says_ok(const Access& access, policy::Memory* memory,
             const policy::ClientAddr& client)
{
    const auto key = policy::tokenise(client.sendmail_text(), memory);
    return access.find(Lookup::address, key, tag, Mark::tagged_only).is("OK");
}

/// user@host, user@, host, in this order.
bool says_ok(const Access& access, policy::Memory* memory,
             const std::string& rcpt)
{
    const auto at = rcpt.rfind('@');
    if (at == std::string::npos)
        return false;
    const auto full = policy::tokenise(rcpt, memory);
    const auto user = policy::tokenise(rcpt.substr(0, at), memory);
    const auto host = policy::tokenise(rcpt.substr(at + 1), memory);
    return access
        .search({{Lookup::full, full},
                 {Lookup::user, user},
                 {Lookup::domain, host}},
                tag, Mark::tagged_only)
        .is("OK");
}

bool access_exempts(const Runtime& runtime, const Transaction& mail)
{
    const auto snapshot = runtime.access->current();
    if (!snapshot) {
        mail.complain(runtime, snapshot.error().text);
        return false;
    }
    std::pmr::monotonic_buffer_resource memory;
    const Access access{snapshot->get(), {}, &memory};
    if (says_ok(access, &memory, mail.from.client))
        return true;
    return !mail.rcpts.empty() &&
           std::all_of(mail.rcpts.begin(), mail.rcpts.end(),
                       [&](const std::string& rcpt) {
                           return says_ok(access, &memory, bare(rcpt));
                       });
}

bool groups_exempt(const Runtime& runtime, const Transaction& mail)
{
    return !mail.rcpts.empty() &&
           std::all_of(mail.rcpts.begin(), mail.rcpts.end(),
                       [&](const std::string& rcpt) {
                           const auto* group = policy::scan::group_of(
                               runtime.virus().rules, mail.from, bare(rcpt));
                           return group && !group->scan;
                       });
}

}  // namespace

std::string exemption(const Runtime& runtime, const Transaction& mail)
{
    const auto& virus = runtime.virus();
    if (!mail.release.empty() && mail.from.client.is_loopback() &&
        policy::scan::Store{virus.quarantine.folder}.use_release(mail.release))
        return "released";
    if (virus.skip_authenticated && !mail.from.auth_user.empty())
        return "login";
    if (std::any_of(virus.skip_networks.begin(), virus.skip_networks.end(),
                    [&](const auto& network) {
                        return network.contains(mail.from.client);
                    }))
        return "network";
    if (runtime.access && access_exempts(runtime, mail))
        return "access";
    return groups_exempt(runtime, mail) ? "group" : "";
}

}  // namespace milters::virus
