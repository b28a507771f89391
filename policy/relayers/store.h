// POP-before-SMTP grants: who has just logged in by POP or IMAP, and from
// where.  relayers.db(5) is what sendmail sees of them.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
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
    /// Of a prefix that a login opened beside its own address: that address.
    /// Removing the address removes the prefix too.
    std::optional<ClientAddr> opener{};
    /// What else was written behind the time, in words we do not know.
    std::string unknown{};

    friend bool operator==(const Grant&, const Grant&) = default;
};

/// How a grant stands at a given time.
enum class Standing { valid, expired };

/// Valid until `expires` if that is set, else for `window` after the login; a
/// login in the future is valid.  A window of 0 means until `vsmtprelay
/// expire` removes it (the rule of 1.1.0).  Pure.
Standing standing(const Grant& grant, Seconds now, std::chrono::seconds window);

/// IPv4 before IPv6, then by number, the wider network first.
void sort_by_network(std::vector<Grant>& grants);

/// Entries of relayers.db that are no grants: key and value as they are there.
using Others = std::map<std::string, std::string, std::less<>>;

/// Some of all grants, in their order.
struct Page {
    std::vector<Grant> grants;
    bool more = false;  ///< there are some behind the last of these
};

/// Numbers for `postern status` and `vsmtprelay stats`.
struct Stats {
    std::size_t grants = 0;       ///< all, networks among them
    std::size_t networks = 0;     ///< prefixes wider than one address
    std::size_t others = 0;       ///< entries of the file that are no grants
    std::uint64_t pending = 0;    ///< changes not yet in relayers.db
    std::uint64_t snapshots = 0;  ///< times relayers.db was written
    std::chrono::milliseconds snapshot_time{};  ///< duration of the last
    std::uint64_t foreign_changes = 0;          ///< times others had written it
    std::uint64_t failures = 0;  ///< snapshots or reloads that failed
    std::string last_error{};    ///< empty once one succeeded again
};

/// What `vsmtprelay verify` finds, one line each; empty: all is well.
struct Check {
    std::vector<std::string> problems;
    std::vector<std::string> repairs;  ///< what was done about them
};

/// Where grants are kept.  All members may be called from any thread.
class Store {
public:
    virtual ~Store() = default;

    /// The narrowest grant that covers `client` and is valid now; if none is,
    /// the narrowest that has expired; nullopt if there is none at all.  An
    /// error when the store cannot answer: then nobody relays and the reply
    /// is 4xx.
    virtual Result<std::optional<Grant>> find(const ClientAddr& client) = 0;

    /// The grant of just this network, valid or not.
    virtual Result<std::optional<Grant>> exact(const Network& network);

    /// Every grant that covers all of `network`, the narrowest first.
    virtual Result<std::vector<Grant>> covering(const Network& network);

    /// Stores or replaces; returns once the grant survives a kill -9.
    virtual Status add(const Grant& grant) = 0;

    /// Returns whether there was one.
    virtual Result<bool> remove(const Network& network) = 0;

    /// Every grant, ordered by network.
    virtual Result<std::vector<Grant>> list() = 0;

    /// The grants behind `after` (nullopt: from the first on), ordered by
    /// network, about `limit` of them: however many there are, a page takes
    /// little memory and holds up no writer for long.  Between two pages
    /// grants may come and go.  A store may give all on the first page.
    virtual Result<Page> page(const std::optional<Network>& after,
                              std::size_t limit);

    virtual Result<Others> others() { return Others{}; }

    /// Several at once: all are stored or none, where the store can do that.
    virtual Status add_all(std::span<const Grant> grants);

    /// @return the networks that had a grant, of which there is none now
    virtual Result<std::vector<Network>> remove_all(
        std::span<const Network> networks);

    /// Removes what the condition holds for, and nothing that was renewed
    /// meanwhile.  After an error some of it may be gone.
    /// @return what was removed, ordered by network
    using Condition = std::function<bool(const Grant&)>;
    virtual Result<std::vector<Grant>> remove_where(const Condition& unwanted);

    virtual Stats stats() { return {}; }

    /// Looks whether relayers.db is whole; with `repair`, puts it right.
    virtual Result<Check> verify(bool repair);
};

}  // namespace policy::relayers
