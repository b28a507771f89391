#include "policy/relayers/store.h"

#include <algorithm>
#include <utility>

namespace policy::relayers {

Standing standing(const Grant& grant, Seconds now, std::chrono::seconds window)
{
    bool valid = window.count() == 0 || now - grant.login < window;
    if (grant.expires)
        valid = now < *grant.expires;
    return valid ? Standing::valid : Standing::expired;
}

void sort_by_network(std::vector<Grant>& grants)
{
    std::sort(grants.begin(), grants.end(), [](const auto& a, const auto& b) {
        return a.network < b.network;
    });
}

Result<std::optional<Grant>> Store::exact(const Network& network)
{
    const auto grants = list();
    if (!grants)
        return fail(grants.error());
    for (const auto& grant : *grants)
        if (grant.network == network)
            return grant;
    return std::optional<Grant>{};
}

Result<std::vector<Grant>> Store::covering(const Network& network)
{
    auto grants = list();
    if (!grants)
        return grants;
    std::erase_if(*grants, [&](const Grant& grant) {
        return grant.network.bits() > network.bits() ||
               !grant.network.contains(network.address());
    });
    std::reverse(grants->begin(), grants->end());
    return grants;
}

Result<Page> Store::page(const std::optional<Network>& after, std::size_t)
{
    auto grants = list();
    if (!grants)
        return fail(grants.error());
    if (after)
        std::erase_if(*grants,
                      [&](const Grant& g) { return g.network <= *after; });
    return Page{std::move(*grants)};
}

Status Store::add_all(std::span<const Grant> grants)
{
    for (const auto& grant : grants)
        if (auto added = add(grant); !added)
            return added;
    return {};
}

Result<std::vector<Network>> Store::remove_all(
    std::span<const Network> networks)
{
    std::vector<Network> gone;
    for (const auto& network : networks) {
        const auto removed = remove(network);
        if (!removed)
            return fail(removed.error());
        if (*removed)
            gone.push_back(network);
    }
    return gone;
}

Result<std::vector<Grant>> Store::remove_where(const Condition& unwanted)
{
    auto grants = list();
    if (!grants)
        return grants;
    std::erase_if(*grants, [&](const Grant& g) { return !unwanted(g); });
    std::vector<Network> networks;
    for (const auto& grant : *grants)
        networks.push_back(grant.network);
    if (const auto gone = remove_all(networks); !gone)
        return fail(gone.error());
    return grants;
}

Result<Check> Store::verify(bool)
{
    return fail(Errc::usage, "this store has no file to verify");
}

}  // namespace policy::relayers
