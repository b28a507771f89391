#include "policy/relayers/granting.h"

#include <algorithm>
#include <array>
#include <utility>

namespace policy::relayers {
namespace {

constexpr unsigned ipv6_bits = 128;

/// Whether neighbours of an address in its prefix are other hosts than its
/// own: link-local ones, and IPv4 clients behind a translator (RFC 6052, 8215).
bool stands_alone(const ClientAddr& client)
{
    static const std::array<Network, 3> shared{
        *Network::parse("fe80::/10"), *Network::parse("64:ff9b::/96"),
        *Network::parse("64:ff9b:1::/48")};
    return std::any_of(shared.begin(), shared.end(), [&](const Network& net) {
        return net.contains(client);
    });
}

/// Whether `old` holds longer than `fresh` would: a pin or an own end that an
/// administrator gave, or a report that comes late.
bool lasts_longer(const Grant& old, const Grant& fresh,
                  std::chrono::seconds window)
{
    if (!old.expires)
        return old.login > fresh.login;
    return window.count() != 0 && *old.expires > fresh.login + window;
}

/// Without those that would cut short what is there.
Result<std::vector<Grant>> improving(Store& store, std::vector<Grant> grants,
                                     std::chrono::seconds window)
{
    std::vector<Grant> better;
    for (auto& grant : grants) {
        const auto old = store.exact(grant.network);
        if (!old)
            return fail(old.error());
        if (!*old || !lasts_longer(**old, grant, window))
            better.push_back(std::move(grant));
    }
    return better;
}

void keep(Store& store, const Login& login, std::vector<Grant> grants,
          const GrantingSettings& settings)
{
    auto better = improving(store, std::move(grants), settings.window);
    auto kept = better ? Status{} : Status{fail(better.error())};
    if (better && !better->empty())
        kept = store.add_all(*better);
    if (!kept && settings.failed)
        settings.failed(login, kept.error());
}

}  // namespace

std::vector<Grant> grants_of(const Login& login, const Protected& off_limits,
                             unsigned ipv6_prefix, Seconds now)
{
    if (off_limits.contains(login.client))
        return {};
    const Network host{login.client, ipv6_bits};
    const Grant grant{host, std::min(login.when, now), login.user,
                      login.service};
    std::vector<Grant> grants{grant};
    if (login.client.kind() != ClientAddr::Kind::v6 ||
        ipv6_prefix >= ipv6_bits || stands_alone(login.client))
        return grants;
    const Network prefix{login.client, ipv6_prefix};
    if (!off_limits.overlaps(prefix)) {
        grants.push_back(grant);
        grants.back().network = prefix;
        grants.back().opener = login.client;
    }
    return grants;
}

LoginSink granting_sink(std::shared_ptr<Store> store,
                        std::shared_ptr<const Protected> off_limits,
                        GrantingSettings settings)
{
    return [store = std::move(store), off_limits = std::move(off_limits),
            settings = std::move(settings)](const Login& login) {
        const auto now = settings.clock();
        auto grants = grants_of(login, *off_limits, settings.ipv6_prefix, now);
        if (grants.empty()) {
            if (settings.refused)
                settings.refused(login);
            return;
        }
        if (standing(grants.front(), now, settings.window) == Standing::valid)
            keep(*store, login, std::move(grants), settings);
    };
}

}  // namespace policy::relayers
