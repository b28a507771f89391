#include "policy/relayers/file_store.h"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "policy/relayers/grant_text.h"

namespace policy::relayers {
namespace {

using namespace std::chrono_literals;

/// For a makemap or vsmtprelay that is at work when we start.
constexpr auto start_wait = 5s;
/// For a predecessor that stops, which takes it less than a second.
constexpr auto stop_limit = 1500ms;
/// Of the last snapshot: a daemon has to stop within a second.
constexpr auto stop_wait = 300ms;
constexpr mode_t lock_mode = 0640;
/// Of a large expire: some milliseconds.
constexpr std::size_t removal_part = 5000;
/// A full disk shall not fill the memory too.
constexpr std::size_t max_unkept = 100000;

/// The lock of who keeps the grants whose journal is in that folder.
Result<Fd> claim(Files& files, const std::string& journal, int flags,
                 std::chrono::milliseconds wait)
{
    const std::string path = journal + "/relayers.lock";
    auto lock = files.open(path, O_RDWR | flags, lock_mode);
    if (!lock)
        return lock;
    auto locked = files.lock(*lock, wait, path);
    if (!locked && locked.error().code == Errc::timeout)
        return fail(Errc::denied, path + ": another process keeps the grants");
    if (!locked)
        return fail(locked.error());
    return lock;
}

}  // namespace

Status FileStore::unclaimed(const std::string& journal)
{
    const auto lock = claim(*FileSettings{}.files, journal, 0, stop_limit);
    if (!lock && lock.error().code == Errc::denied)
        return fail(lock.error());
    return {};
}

FileStore::FileStore(FileSettings settings, Fd lock, Journal journal)
    : settings_{std::move(settings)},
      lock_{std::move(lock)},
      db_{settings_.file, settings_.files, settings_.ipv6_keys},
      window_{settings_.window},
      journal_{std::move(journal)}
{
}

Result<std::unique_ptr<FileStore>> FileStore::open(FileSettings settings)
{
    auto lock = claim(*settings.files, settings.journal, O_CREAT, start_wait);
    if (!lock)
        return fail(lock.error());
    auto journal =
        Journal::open(settings.journal, settings.sync, settings.files);
    if (!journal)
        return fail(journal.error());
    std::unique_ptr<FileStore> store{new FileStore{
        std::move(settings), std::move(*lock), std::move(*journal)}};
    if (auto loaded = store->load(); !loaded)
        return fail(loaded.error());
    if (store->settings_.background)
        store->thread_ = std::jthread{
            [s = store.get()](const std::stop_token& stop) { s->run(stop); }};
    return store;
}

FileStore::~FileStore()
{
    if (!settings_.background)
        return;
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
    // Once for what relayers.old may still hold, once for the rest.
    for (int i = 0; i < 2 && anything_pending(); ++i)
        static_cast<void>(snapshot(stop_wait));
}

Status FileStore::load()
{
    const std::lock_guard one{upkeep_};
    auto loaded = load_file();
    const bool damaged = !loaded && loaded.error().code == Errc::format;
    if (!loaded && !damaged)
        return loaded;
    db_.clean_up();
    if (auto replayed = replay(); !replayed)
        return replayed;
    if (damaged)
        static_cast<void>(put_right(loaded.error(), start_wait));
    else if (anything_pending())
        static_cast<void>(write_out(start_wait));
    return {};
}

Status FileStore::load_file()
{
    auto contents = db_.read(start_wait);
    if (!contents && contents.error().code == Errc::gone) {
        const auto made = db_.create([](const auto&) {}, 0);
        if (!made)
            return fail(made.error());
        contents = db_.read(start_wait);
    }
    if (!contents)
        return fail(contents.error());
    book_ = book_of(*contents->entries);
    known_ = contents->id;
    return {};
}

/// What was acknowledged by a process that could not write it to relayers.db
/// any more.
Status FileStore::replay()
{
    auto left = journal_.replay();
    if (!left)
        return fail(left.error());
    for (auto& change : left->old)
        aging_[change.key] = change.value;
    for (auto& change : left->fresh)
        fresh_[change.key] = change.value;
    for (const auto* pending : {&aging_, &fresh_})
        for (const auto& [key, value] : *pending)
            apply(book_, {key, value});
    if (left->skipped != 0)
        report(settings_.journal + ": skipped " +
               std::to_string(left->skipped) +
               " journal lines that are not whole");
    return {};
}

Result<std::optional<Grant>> FileStore::find(const ClientAddr& client)
{
    const auto now = settings_.clock();
    const auto window = window_.load();
    const std::shared_lock lock{memory_};
    auto grant = book_.grants.find(client, now, window);
    if (unkept_.size() == 0 ||
        (grant && standing(*grant, now, window) == Standing::valid))
        return grant;
    const auto unkept = unkept_.find(client, now, window);
    if (unkept && standing(*unkept, now, window) == Standing::valid)
        return fail(Errc::io, settings_.journal + ": the grant of " +
                                  client.text() + " could not be kept");
    return grant;
}

Result<std::optional<Grant>> FileStore::exact(const Network& network)
{
    const std::shared_lock lock{memory_};
    return book_.grants.exact(network);
}

Result<std::vector<Grant>> FileStore::covering(const Network& network)
{
    const std::shared_lock lock{memory_};
    return book_.grants.covering(network);
}

Status FileStore::add(const Grant& grant)
{
    return add_all({&grant, 1});
}

Status FileStore::add_all(std::span<const Grant> grants)
{
    {
        const std::lock_guard change{change_};
        if (auto kept = keep(grants); !kept)
            return kept;
    }
    for (const auto& grant : grants)
        publish(Event::Kind::added, grant);
    return {};
}

/// Journal first, then memory.  REQUIRES: change_.
Status FileStore::keep(std::span<const Grant> grants)
{
    std::vector<map::Change> changes;
    changes.reserve(grants.size());
    for (const auto& grant : grants) {
        auto value = value_of(grant);
        if (!value)
            return fail(value.error());
        changes.push_back({key_of(grant.network), std::move(*value)});
    }
    const auto committed = commit(changes);
    const std::lock_guard lock{memory_};
    for (const auto& grant : grants)
        if (committed)
            book_.grants.put(grant);
        else if (unkept_.size() < max_unkept)
            unkept_.put(grant);
    if (committed)
        settle(changes);
    return committed;
}

/// What the journal has now ends what its keys meant before.  REQUIRES:
/// change_ and memory_.
void FileStore::settle(const std::vector<map::Change>& changes)
{
    if (book_.others.empty() && unkept_.size() == 0)
        return;
    for (const auto& change : changes) {
        book_.others.erase(change.key);
        if (const auto network = network_of(change.key))
            unkept_.erase(*network);
    }
}

/// Writes the journal: from here on the changes last.  REQUIRES: change_.
Status FileStore::commit(const std::vector<map::Change>& changes)
{
    std::string lines;
    for (const auto& change : changes)
        lines += journal_line(change);
    if (auto kept = journal_.append(lines); !kept)
        return note(kept);
    const bool wake = fresh_.empty();
    for (const auto& change : changes)
        fresh_[change.key] = change.value;
    if (wake)
        changed_.notify_one();
    return {};
}

Result<bool> FileStore::remove(const Network& network)
{
    const auto gone = remove_all({&network, 1});
    if (!gone)
        return fail(gone.error());
    return !gone->empty();
}

Result<std::vector<Network>> FileStore::remove_all(
    std::span<const Network> networks)
{
    const auto gone = take_out(
        networks, [](const Grant&) { return true; }, Event::Kind::removed);
    if (!gone)
        return fail(gone.error());
    std::vector<Network> asked;
    for (const auto& network : networks)
        if (std::any_of(gone->begin(), gone->end(),
                        [&](const Grant& g) { return g.network == network; }))
            asked.push_back(network);
    return asked;
}

Result<std::vector<Grant>> FileStore::remove_where(const Condition& unwanted)
{
    std::vector<Network> networks;
    {
        const std::shared_lock lock{memory_};
        book_.grants.for_each([&](const Grant& grant) {
            if (unwanted(grant))
                networks.push_back(grant.network);
        });
    }
    // In parts, so that logins have their turn in between.
    std::vector<Grant> all;
    for (std::span<const Network> rest{networks}; !rest.empty();) {
        const auto part = rest.first(std::min(rest.size(), removal_part));
        auto gone = take_out(part, unwanted, Event::Kind::removed);
        if (!gone)
            return gone;
        std::move(gone->begin(), gone->end(), std::back_inserter(all));
        rest = rest.subspan(part.size());
    }
    sort_by_network(all);
    return all;
}

Store::Condition FileStore::outlived() const
{
    return [now = settings_.clock(), window = window_.load()](const Grant& g) {
        return standing(g, now, window) == Standing::expired;
    };
}

/// Removes those of the networks that are still unwanted, and what a removed
/// address has opened.
Result<std::vector<Grant>> FileStore::take_out(
    std::span<const Network> networks, const Condition& unwanted,
    Event::Kind kind)
{
    std::vector<Grant> gone;
    std::vector<map::Change> changes;
    std::set<Network> taken;
    const auto take = [&](Grant grant) {
        if (taken.insert(grant.network).second)
            gone.push_back(std::move(grant));
    };
    {
        const std::lock_guard change{change_};
        const auto& grants = book_.grants;
        for (const auto& network : networks) {
            const auto grant = grants.exact(network);
            // So can an entry without a time, and what waits to be kept.
            if (!grant && kind == Event::Kind::removed &&
                (book_.others.contains(key_of(network)) ||
                 unkept_.exact(network)))
                take({network});
            if (!grant || !unwanted(*grant))
                continue;
            take(*grant);
            if (kind == Event::Kind::removed && network.is_host())
                for (const auto& wide : grants.opened_by(network.address()))
                    take(*grants.exact(wide));
        }
        if (gone.empty())
            return gone;
        for (const auto& grant : gone)
            changes.push_back({key_of(grant.network), std::nullopt});
        if (auto committed = commit(changes); !committed)
            return fail(committed.error());
        const std::lock_guard lock{memory_};
        for (const auto& grant : gone)
            book_.grants.erase(grant.network);
        settle(changes);
    }
    for (const auto& grant : gone)
        publish(kind, grant);
    return gone;
}

Result<std::vector<Grant>> FileStore::list()
{
    std::vector<Grant> grants;
    {
        const std::shared_lock lock{memory_};
        grants = book_.grants.all();
    }
    sort_by_network(grants);
    return grants;
}

Result<Page> FileStore::page(const std::optional<Network>& after,
                             std::size_t limit)
{
    const std::shared_lock lock{memory_};
    return book_.grants.page(after, limit);
}

Result<Others> FileStore::others()
{
    const std::shared_lock lock{memory_};
    return book_.others;
}

void FileStore::set_window(std::chrono::seconds window)
{
    window_.store(window);
}

Stats FileStore::stats()
{
    Stats stats;
    {
        const std::lock_guard lock{numbers_};
        stats = stats_;
    }
    {
        const std::lock_guard change{change_};
        stats.pending = fresh_.size() + aging_.size();
    }
    const std::shared_lock lock{memory_};
    stats.grants = book_.grants.size();
    stats.networks = book_.grants.networks();
    stats.others = book_.others.size();
    return stats;
}

void FileStore::report(const std::string& line) const
{
    if (settings_.report)
        settings_.report(line);
}

void FileStore::publish(Event::Kind kind, const Grant& grant) const
{
    if (settings_.event)
        settings_.event({kind, grant});
}

}  // namespace policy::relayers
