// Grants of accounts that are gone do not count.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "policy/relayers/store.h"

namespace milters::relay {

/// Whether an account still exists; an error when that cannot be told now.
/// Any thread may ask; answers come from a cache or within a deadline.
using AccountExists = std::function<policy::Result<bool>(const std::string&)>;

/// A Store that asks about the account of each grant it finds.  A grant
/// whose account is gone is removed and not found; a grant without a user is
/// nobody's and stays.  When the account cannot be looked up, find() fails:
/// the reply is 4xx.  Thread rule as the store behind it.
class AccountStore final : public policy::relayers::Store {
public:
    AccountStore(std::shared_ptr<policy::relayers::Store> behind,
                 AccountExists exists);

    policy::Result<std::optional<policy::relayers::Grant>> find(
        const policy::ClientAddr& client) override;
    policy::Status add(const policy::relayers::Grant& grant) override;
    policy::Result<bool> remove(const policy::Network& network) override;
    policy::Result<std::vector<policy::relayers::Grant>> list() override;

private:
    std::shared_ptr<policy::relayers::Store> behind_;
    AccountExists exists_;
};

}  // namespace milters::relay
