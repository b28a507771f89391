#include "milters/virus/exempt.h"

#include <algorithm>

#include "policy/scan/store.h"

namespace milters::virus {
namespace {

bool access_exempts(const std::optional<policy::map::TagRuling>& ruling)
{
    return ruling && ruling->ok();
}

bool group_exempts(const Runtime& runtime, const Transaction& mail,
                   std::size_t i)
{
    if (i >= mail.rcpts.size())
        return false;
    const auto* group =
        policy::scan::group_of(runtime.virus().rules, mail.from, mail.rcpts[i]);
    return group && !group->scan;
}

/// Whether every recipient is exempt, and by what the last one is.
std::string by_rcpts(const Runtime& runtime, const Transaction& mail)
{
    std::string why;
    for (std::size_t i = 0; i < mail.access.size(); ++i) {
        if (access_exempts(mail.access[i]))
            why = "access";
        else if (group_exempts(runtime, mail, i))
            why = "group";
        else
            return "";
    }
    return why;
}

}  // namespace

Rulings ask_access(const Runtime& runtime, const Transaction& mail,
                   const std::vector<std::string>& rcpts)
{
    auto rulings =
        runtime.access.ask({mail.from.client, mail.client_name}, rcpts);
    if (!rulings) {
        mail.complain(runtime, rulings.error().text);
        return Rulings(rcpts.size());
    }
    for (const auto& ruling : *rulings)
        if (ruling && !ruling->understood)
            mail.complain(runtime, ruling->source + " " + ruling->key +
                                       ": is not understood");
    return std::move(*rulings);
}

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
    return by_rcpts(runtime, mail);
}

}  // namespace milters::virus
