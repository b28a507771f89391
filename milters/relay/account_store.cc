#include "milters/relay/account_store.h"

#include <utility>

namespace milters::relay {

using policy::fail;
using policy::relayers::Grant;

AccountStore::AccountStore(std::shared_ptr<policy::relayers::Store> behind,
                           AccountExists exists)
    : behind_{std::move(behind)}, exists_{std::move(exists)}
{
}

policy::Result<std::optional<Grant>> AccountStore::find(
    const policy::ClientAddr& client)
{
    // A wider grant of somebody else may lie behind the one that is removed:
    // one for each length of a prefix at most.
    constexpr int lengths = 129;
    for (int i = 0; i < lengths; ++i) {
        auto grant = behind_->find(client);
        if (!grant || !*grant || (*grant)->user.empty())
            return grant;
        const auto exists = exists_((*grant)->user);
        if (!exists)
            return fail(exists.error());
        if (*exists)
            return grant;
        if (const auto removed = behind_->remove((*grant)->network); !removed)
            return fail(removed.error());
    }
    return std::optional<Grant>{};
}

policy::Status AccountStore::add(const Grant& grant)
{
    return behind_->add(grant);
}

policy::Result<bool> AccountStore::remove(const policy::Network& network)
{
    return behind_->remove(network);
}

policy::Result<std::vector<Grant>> AccountStore::list()
{
    return behind_->list();
}

}  // namespace milters::relay
