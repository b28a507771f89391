// POP-before-SMTP grants: who has just logged in by POP or IMAP, and from
// where.  relayers.db(5) is what sendmail sees of them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/clock.h"
#include "policy/result.h"

namespace policy::relayers {

/// One entry of relayers.db.
struct Grant {
    Network network;     ///< the client, or a prefix an administrator gave
    Seconds login{};     ///< when; in the future: a pin that lasts until then
    std::string user{};  ///< the login's name; empty where unknown
    std::string service{};             ///< "pop3", "imap"; empty where unknown
    std::optional<Seconds> expires{};  ///< own end, in place of the window
    std::string reason{};              ///< an administrator's words

    friend bool operator==(const Grant&, const Grant&) = default;
};

/// How a grant stands at a given time.
enum class Standing { valid, expired };

/// Valid until `expires` if that is set, else for `window` after the login; a
/// login in the future is valid.  A window of 0 means until `vsmtprelay
/// expire` removes it (the rule of 1.1.0).  Pure.
Standing standing(const Grant& grant, Seconds now, std::chrono::seconds window);

/// Where grants are kept.  All members may be called from any thread.
class Store {
public:
    virtual ~Store() = default;

    /// The narrowest grant that covers `client`, valid or not; nullopt if
    /// none.  An error when the store cannot answer: then nobody relays and
    /// the reply is 4xx.
    virtual Result<std::optional<Grant>> find(const ClientAddr& client) = 0;

    /// Stores or replaces; returns once the grant survives a kill -9.
    virtual Status add(const Grant& grant) = 0;

    /// Returns whether there was one.
    virtual Result<bool> remove(const Network& network) = 0;

    /// Every grant, ordered by network.
    virtual Result<std::vector<Grant>> list() = 0;
};

}  // namespace policy::relayers
