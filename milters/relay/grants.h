// The store of grants that relay-milter owns from start to stop.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "policy/config/config.h"
#include "policy/relayers/file_store.h"
#include "policy/relayers/redis_store.h"
#include "policy/relayers/store.h"

namespace milters::relay {

/// Opens the store that a configuration names.  Not for -n: it makes files
/// and takes the journal's lock.
class Grants {
public:
    /// Gets one line for the log; any thread.
    using Report = std::function<void(const std::string&)>;
    /// Gets what happens to a grant; any thread; quick.
    using Event = std::function<void(const policy::relayers::Event&)>;
    /// Whether no login may open the relay for an address; any thread.
    using OffLimits = std::function<bool(const policy::ClientAddr&)>;

    /// Null store for `store: none`.  Errc::denied if another process owns
    /// the journal; else the error names the setting, with file:line.
    static policy::Result<std::unique_ptr<Grants>> open(
        const policy::config::Config& config, const Report& report, Event event,
        OffLimits off_limits);

    std::shared_ptr<policy::relayers::Store> store() const { return store_; }

    /// Takes over what a reload can change.
    void configure(const policy::config::Relayers& settings);

    /// Writes what is pending to relayers.db, if that can be had soon; it is
    /// in the journal anyway.
    void flush();

private:
    Grants() = default;

    std::shared_ptr<policy::relayers::Store> store_;
    policy::relayers::FileStore* file_ = nullptr;    ///< unless there is none
    policy::relayers::RedisStore* redis_ = nullptr;  ///< if grants are shared
};

/// What open() would trip over, found without touching anything.  A file that
/// is no Berkeley DB at all is a problem; a damaged one is not, since the
/// store keeps it aside and starts from its journal.
policy::config::Problems check_grants(const policy::config::Config& config);

}  // namespace milters::relay
