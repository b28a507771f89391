// Where accounts are looked up.
#pragma once

#include <memory>
#include <string>

#include "policy/map/map.h"
#include "policy/result.h"

namespace policy::accounts {

/// A list of accounts that can be asked.  Any number of threads may ask at
/// the same time.
class Directory {
public:
    virtual ~Directory() = default;

    /// Whether `user` has an account; may take for ever (NSS, LDAP, SQL).
    /// An error when that cannot be told: never "gone" by mistake.
    virtual Result<bool> exists(const std::string& user) = 0;

    /// For logs: "passwd", "sasl Sendmail", the path of a map.
    virtual const std::string& name() const = 0;
};

/// The system's users: getpwnam_r(3).  `user@realm` is the user of that name;
/// with any other domain there is no such user.
std::unique_ptr<Directory> passwd(std::string realm);

/// The keys of a map, folded as makemap folds them.  `user@realm` is looked
/// up whole, then without the realm; `user` alone, then with the realm.
std::unique_ptr<Directory> map_keys(std::shared_ptr<map::Source> map,
                                    std::string realm);

}  // namespace policy::accounts
