#include "milters/relay/guard.h"

#include <algorithm>

namespace milters::relay {
namespace {

constexpr const char* open_relay = "promiscuous_relay";

}  // namespace

void guard(std::set<std::string, std::less<>>& features)
{
    features.erase(open_relay);
}

policy::config::Problems ignored_features(const policy::config::Config& config)
{
    const auto& all = config.relay.features;
    if (std::find(all.begin(), all.end(), open_relay) == all.end())
        return {};
    return {config.values.place("relay.features") + ": relay.features: " +
            open_relay + " is ignored: relay-milter relays for no stranger"};
}

}  // namespace milters::relay
