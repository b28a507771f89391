#include "policy/relayers/direct_store.h"

#include <fcntl.h>

#include <map>
#include <optional>
#include <utility>

#include "policy/map/bdb_pages.h"
#include "policy/relayers/grant_text.h"

namespace policy::relayers {
namespace {

using std::chrono::milliseconds;

constexpr mode_t lock_mode = 0640;
constexpr int max_tries = 50;

/// The changes, and deletions of keys in the file that mean the same network.
std::vector<map::Change> with_spellings(const Book& book,
                                        const std::vector<map::Change>& of)
{
    std::vector<map::Change> changes;
    for (const auto& change : of)
        append_with_spellings(changes, change, book);
    return changes;
}

Result<Book> book_now(LockedFile& file, const std::vector<map::Change>& left)
{
    const auto entries = file.entries();
    if (!entries)
        return fail(entries.error());
    Book book = book_of(**entries);
    for (const auto& change : left)
        apply(book, change);
    return book;
}

}  // namespace

struct DirectStore::Left {
    Fd lock;
    std::optional<Journal> journal;
    std::vector<map::Change> changes;
};

DirectStore::DirectStore(DirectSettings settings)
    : settings_{std::move(settings)},
      db_{settings_.file, settings_.files, settings_.ipv6_keys}
{
}

/// The journal's changes, if there is one and no relay-milter has it.  Called
/// under the lock of the file, where no other vsmtprelay can be.
Result<DirectStore::Left> DirectStore::left_over()
{
    Left left;
    const std::string log = settings_.journal + "/relayers.log";
    const std::string old = settings_.journal + "/relayers.old";
    if (settings_.journal.empty() ||
        (!settings_.files->stat(log) && !settings_.files->stat(old)))
        return left;
    const std::string path = settings_.journal + "/relayers.lock";
    auto lock = settings_.files->open(path, O_RDWR | O_CREAT, lock_mode);
    if (!lock)
        return fail(lock.error());
    auto locked = settings_.files->lock(*lock, milliseconds{0}, path);
    if (!locked && locked.error().code == Errc::timeout)
        return left;  // relay-milter lives and takes our change over
    if (!locked)
        return fail(locked.error());
    auto journal = Journal::open(settings_.journal, true, settings_.files);
    if (!journal)
        return fail(journal.error());
    auto replayed = journal->replay();
    if (!replayed)
        return fail(replayed.error());
    left.changes = std::move(replayed->old);
    for (auto& change : replayed->fresh)
        left.changes.push_back(std::move(change));
    left.lock = std::move(*lock);
    left.journal = std::move(*journal);
    return left;
}

/// What a relay-milter has written down so far.  The present file is read
/// first: what moves to the old one meanwhile is seen twice, not missed.
Result<std::vector<map::Change>> DirectStore::journal() const
{
    std::vector<map::Change> changes;
    if (settings_.journal.empty())
        return changes;
    for (const char* name : {"/relayers.log", "/relayers.old"}) {
        const auto text =
            settings_.files->read(settings_.journal + name, settings_.wait);
        if (!text && text.error().code != Errc::gone)
            return fail(text.error());
        if (!text)
            continue;
        std::uint64_t skipped = 0;
        auto more = parse_journal(text->octets, skipped);
        more.insert(more.end(), changes.begin(), changes.end());
        changes = std::move(more);
    }
    return changes;
}

/// File and journal, again if a writer moved something from the one to the
/// other while they were read.
Result<Book> DirectStore::book()
{
    for (int tries = 1;; ++tries) {
        const auto contents = db_.read(settings_.wait);
        if (!contents)
            return fail(contents.error());
        const auto changes = journal();
        if (!changes)
            return fail(changes.error());
        const auto after = db_.id();
        if (after && *after != contents->id && tries < max_tries)
            continue;
        Book book = book_of(*contents->entries);
        for (const auto& change : *changes)
            apply(book, change);
        return book;
    }
}

/// One change of the file, on top of what a dead relay-milter left.
Status DirectStore::update(const Planner& planner)
{
    std::optional<Left> left;
    const auto with_left = [&](LockedFile& file) -> Result<Plan> {
        auto found = left_over();
        if (!found)
            return fail(found.error());
        left = std::move(*found);
        auto plan = planner(file, left->changes);
        if (plan)
            plan->changes.insert(plan->changes.begin(), left->changes.begin(),
                                 left->changes.end());
        return plan;
    };
    const auto done = db_.update(std::nullopt, with_left, settings_.wait);
    if (!done)
        return fail(done.error());
    if (left && left->journal)
        return left->journal->drop_all();
    return {};
}

Result<std::optional<Grant>> DirectStore::find(const ClientAddr& client)
{
    const auto now = book();
    if (!now)
        return fail(now.error());
    return now->grants.find(client, settings_.clock(), settings_.window);
}

Result<std::optional<Grant>> DirectStore::exact(const Network& network)
{
    const auto now = book();
    if (!now)
        return fail(now.error());
    return now->grants.exact(network);
}

Result<std::vector<Grant>> DirectStore::list()
{
    const auto now = book();
    if (!now)
        return fail(now.error());
    auto grants = now->grants.all();
    sort_by_network(grants);
    return grants;
}

Result<Others> DirectStore::others()
{
    auto now = book();
    if (!now)
        return fail(now.error());
    return std::move(now->others);
}

Status DirectStore::add(const Grant& grant)
{
    return add_all({&grant, 1});
}

Status DirectStore::add_all(std::span<const Grant> grants)
{
    std::vector<map::Change> changes;
    bool spelled = false;  // IPv4 has one spelling; no need to read the file
    for (const auto& grant : grants) {
        auto value = value_of(grant);
        if (!value)
            return fail(value.error());
        changes.push_back({key_of(grant.network), std::move(*value)});
        spelled = spelled || changes.back().key.front() == 'i';
    }
    const Planner plan = [&](LockedFile& file,
                             const auto& left) -> Result<Plan> {
        if (!spelled)
            return Plan{changes};
        const auto now = book_now(file, left);
        if (!now)
            return fail(now.error());
        return Plan{with_spellings(*now, changes)};
    };
    auto done = update(plan);
    if (!done && done.error().code == Errc::gone) {
        const auto made = db_.create([](const auto&) {}, 0);
        if (!made)
            return fail(made.error());
        done = update(plan);
    }
    return done;
}

Result<bool> DirectStore::remove(const Network& network)
{
    const auto gone = remove_all({&network, 1});
    if (!gone)
        return fail(gone.error());
    return !gone->empty();
}

Result<std::vector<Network>> DirectStore::remove_all(
    std::span<const Network> networks)
{
    std::vector<Network> gone;
    const auto done = take_out([&](const Book& book) {
        std::vector<Network> all;
        for (const auto& network : networks) {
            if (!book.grants.exact(network) &&
                !book.others.contains(key_of(network)))
                continue;
            gone.push_back(network);
            all.push_back(network);
            if (network.is_host())
                for (const auto& wide :
                     book.grants.opened_by(network.address()))
                    all.push_back(wide);
        }
        return all;
    });
    if (!done)
        return fail(done.error());
    return gone;
}

Result<std::vector<Grant>> DirectStore::remove_where(const Condition& unwanted)
{
    std::vector<Grant> gone;
    const auto done = take_out([&](const Book& book) {
        std::vector<Network> all;
        book.grants.for_each([&](const Grant& grant) {
            if (!unwanted(grant))
                return;
            all.push_back(grant.network);
            gone.push_back(grant);
        });
        return all;
    });
    if (!done)
        return fail(done.error());
    sort_by_network(gone);
    return gone;
}

/// Removes what `choose` names of the grants that are there under the lock.
Status DirectStore::take_out(
    const std::function<std::vector<Network>(const Book&)>& choose)
{
    return update([&](LockedFile& file, const auto& left) -> Result<Plan> {
        const auto now = book_now(file, left);
        if (!now)
            return fail(now.error());
        std::vector<map::Change> changes;
        for (const auto& network : choose(*now))
            changes.push_back({key_of(network), std::nullopt});
        const auto after = now->grants.size() + now->others.size() +
                           left.size() - changes.size();
        return Plan{with_spellings(*now, changes), after};
    });
}

Stats DirectStore::stats()
{
    Stats stats;
    const auto now = book();
    if (!now) {
        stats.failures = 1;
        stats.last_error = now.error().text;
        return stats;
    }
    stats.grants = now->grants.size();
    stats.networks = now->grants.networks();
    stats.others = now->others.size();
    return stats;
}

Result<Check> DirectStore::verify(bool repair)
{
    Check check;
    const auto whole = db_.verify(settings_.wait);
    if (whole)
        return check;
    if (whole.error().code != Errc::format)
        return fail(whole.error());
    check.problems.push_back(whole.error().text);
    if (repair)
        if (auto done = put_right(check); !done)
            return fail(done.error());
    return check;
}

/// Takes what can be read of the damaged file, and the journal.
Status DirectStore::put_right(Check& check)
{
    const auto damaged = settings_.files->read(db_.path(), settings_.wait);
    if (!damaged)
        return fail(damaged.error());
    std::map<std::string, std::string> entries;
    // Octets that are no Berkeley DB file at all have no entries to save.
    static_cast<void>(map::visit_bdb(
        damaged->octets,
        [&](auto key, auto value) { entries.emplace(key, value); },
        map::Damage::skip));
    const auto saved = entries.size();
    auto left = left_over();
    if (!left)
        return fail(left.error());
    for (const auto& change : left->changes) {
        entries.erase(change.key);
        if (change.value)
            entries.emplace(change.key, *change.value);
    }
    const auto done = db_.replace(
        [&](const auto& put) {
            for (const auto& [key, value] : entries)
                put(key, value);
        },
        entries.size(), settings_.wait);
    if (!done)
        return fail(done.error());
    check.repairs.push_back(
        db_.path() + ": rebuilt, " + std::to_string(saved) +
        " entries saved, " + std::to_string(left->changes.size()) +
        " changes from the journal; kept " + db_.path() + ".bad");
    return left->journal ? left->journal->drop_all() : Status{};
}

}  // namespace policy::relayers
