// What FileStore does behind its callers' backs: writing relayers.db, taking
// over what others wrote there, ending grants whose time has come.
#include <algorithm>
#include <utility>

#include "policy/relayers/file_store.h"
#include "policy/relayers/grant_text.h"

namespace policy::relayers {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr auto look_interval = 1s;
/// After a snapshot this long, or pause_factor times its own duration.
constexpr auto min_pause = 200ms;
constexpr int pause_factor = 4;
/// After a snapshot that failed, doubling.
constexpr auto first_retry = 1000ms;
constexpr auto last_retry = 30000ms;
/// A call of purge() looks at this many grants, or a tenth of all.
constexpr std::size_t purge_part = 100000;

/// Of differences that verify() names.
constexpr std::size_t max_lines = 20;

/// Named in events that concern no network.
Grant no_grant()
{
    return {Network{ClientAddr::v4({}), 0}};
}

}  // namespace

Status FileStore::snapshot(milliseconds wait)
{
    const std::lock_guard one{upkeep_};
    return write_out(wait);
}

Status FileStore::write_out(milliseconds wait)
{
    if (auto begun = begin_snapshot(); !begun)
        return note(begun);
    if (aging_.empty())
        return {};
    const auto start = steady_clock::now();
    std::optional<Book> foreign;
    const auto id = db_.update(
        known_, [&](LockedFile& file) { return plan(file, foreign); }, wait);
    if (!id &&
        (id.error().code == Errc::format || id.error().code == Errc::gone))
        return put_right(id.error(), wait);
    if (!id)
        return note(fail(id.error()));
    end_snapshot(*id, std::move(foreign));
    const std::lock_guard lock{numbers_};
    ++stats_.snapshots;
    stats_.snapshot_time =
        duration_cast<milliseconds>(steady_clock::now() - start);
    stats_.last_error.clear();
    return {};
}

/// Sets aside what shall be written, so that new changes do not mix with it.
/// After a snapshot that failed, what was set aside then is still there.
Status FileStore::begin_snapshot()
{
    const std::lock_guard change{change_};
    if (journal_.has_old() && aging_.empty())
        if (auto dropped = journal_.drop_old(); !dropped)
            return dropped;
    if (!aging_.empty() || fresh_.empty())
        return {};
    if (auto rotated = journal_.rotate(); !rotated)
        return rotated;
    aging_ = std::move(fresh_);
    fresh_.clear();
    return {};
}

Result<Plan> FileStore::plan(LockedFile& file, std::optional<Book>& foreign)
{
    if (!file.as_known()) {
        const auto entries = file.entries();
        if (!entries)
            return fail(entries.error());
        foreign = book_of(**entries);
    }
    const Book& book = foreign ? *foreign : book_;
    Plan plan;
    for (const auto& [key, value] : aging_)
        append_with_spellings(plan.changes, {key, value}, book);
    const std::shared_lock lock{memory_};
    plan.entries = book.grants.size() + book.others.size() + aging_.size();
    return plan;
}

void FileStore::end_snapshot(const map::FileId& id, std::optional<Book> foreign)
{
    if (foreign) {
        const std::lock_guard lock{numbers_};
        ++stats_.foreign_changes;
    }
    Book& book = foreign ? *foreign : book_;
    for (const auto& [key, value] : aging_)
        book.spellings.erase(key);
    if (foreign)
        adopt(std::move(*foreign), id);
    known_ = id;
    const std::lock_guard change{change_};
    aging_.clear();
    if (auto dropped = journal_.drop_old(); !dropped)
        static_cast<void>(note(dropped));  // tried again by the next snapshot
}

/// Others' entries become ours; what is pending stays on top of them.
void FileStore::adopt(Book book, const map::FileId& id)
{
    {
        const std::lock_guard change{change_};
        for (const auto* pending : {&aging_, &fresh_})
            for (const auto& [key, value] : *pending)
                apply(book, {key, value});
        const std::lock_guard lock{memory_};
        std::swap(book_, book);
        purge_place_ = 0;
    }
    known_ = id;
    bad_.reset();
    publish(Event::Kind::reloaded, no_grant());
}

/// relayers.db is gone or damaged: writes it from memory.
Status FileStore::put_right(const Error& why, milliseconds wait)
{
    const auto grants = list();
    const auto kept = others();
    const auto id = db_.replace(
        [&](const auto& put) {
            for (const auto& grant : *grants)
                if (const auto value = value_of(grant))
                    put(key_of(grant.network), *value);
            for (const auto& [key, value] : *kept)
                put(key, value);
        },
        grants->size() + kept->size(), wait);
    if (!id)
        return note(fail(id.error().code, why.text + "; " + id.error().text));
    report(why.text + "; written anew from memory");
    {
        const std::lock_guard change{change_};
        const std::lock_guard lock{memory_};
        book_.spellings.clear();
    }
    bad_.reset();
    end_snapshot(*id, std::nullopt);
    return note({});
}

Status FileStore::refresh()
{
    const std::lock_guard one{upkeep_};
    const auto id = db_.id();
    if (!id && id.error().code == Errc::gone)
        return put_right(id.error(), default_wait);
    if (!id)
        return note(fail(id.error()));
    if (known_ && *known_ == *id)
        return {};
    return reload(*id);
}

Status FileStore::reload(const map::FileId& id)
{
    auto contents = db_.read(milliseconds{0});
    if (!contents && contents.error().code == Errc::timeout)
        return {};  // its writer is not done; the next look finds it
    if (contents) {
        adopt(book_of(*contents->entries), contents->id);
        const std::lock_guard lock{numbers_};
        ++stats_.foreign_changes;
        return {};
    }
    // A writer without locks may be in the middle: look twice.
    if (contents.error().code == Errc::format && bad_ == id)
        return put_right(contents.error(), default_wait);
    bad_ = id;
    return note(fail(contents.error()));
}

Status FileStore::purge()
{
    std::vector<Network> old;
    {
        const auto now = settings_.clock();
        const std::shared_lock lock{memory_};
        purge_place_ = book_.grants.expired(
            purge_place_, std::max(purge_part, book_.grants.size() / 10), now,
            window_.load(), old);
    }
    if (old.empty())
        return {};
    const auto removed = take_out(old, outlived(), Event::Kind::expired);
    return removed ? Status{} : fail(removed.error());
}

Status FileStore::keep_late()
{
    std::vector<Grant> late;
    {
        const std::lock_guard change{change_};
        late = unkept_.all();
        std::erase_if(late, outlived());
        {
            const std::lock_guard lock{memory_};
            unkept_ = {};
        }
        if (late.empty())
            return {};
        if (auto kept = keep(late); !kept)  // remembers them again
            return kept;
    }
    for (const auto& grant : late)
        publish(Event::Kind::added, grant);
    return {};
}

Result<Check> FileStore::verify(bool repair)
{
    const std::lock_guard one{upkeep_};
    Check check;
    for (int i = 0; i < 2; ++i)
        if (auto written = write_out(default_wait); !written)
            check.problems.push_back(written.error().text);
    auto whole = db_.verify(default_wait);
    if (!whole)
        check.problems.push_back(whole.error().text);
    if (const auto contents = db_.read(default_wait))
        for (auto& line : differences(book_of(*contents->entries)))
            check.problems.push_back(std::move(line));
    if (check.problems.empty() || !repair)
        return check;
    const auto done =
        put_right({Errc::format, check.problems.front()}, default_wait);
    if (!done)
        return fail(done.error());
    check.repairs.push_back(db_.path() + ": written anew from memory");
    return check;
}

/// Lines about grants that memory and file do not agree on.
std::vector<std::string> FileStore::differences(const Book& file)
{
    std::vector<std::string> lines;
    const std::lock_guard change{change_};
    const auto complain = [&](const Grant& grant, const char* what) {
        if (lines.size() < max_lines)
            lines.push_back(db_.path() + ": " + grant.network.text() + what);
    };
    book_.grants.for_each([&](const Grant& grant) {
        if (!fresh_.contains(key_of(grant.network)) &&
            file.grants.exact(grant.network) != grant)
            complain(grant, ": not as granted");
    });
    file.grants.for_each([&](const Grant& grant) {
        if (!fresh_.contains(key_of(grant.network)) &&
            !book_.grants.exact(grant.network))
            complain(grant, ": not granted");
    });
    return lines;
}

bool FileStore::anything_pending()
{
    const std::lock_guard change{change_};
    return !fresh_.empty() || !aging_.empty();
}

void FileStore::run(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        {
            std::unique_lock change{change_};
            if (fresh_.empty() && aging_.empty())
                changed_.wait_until(change, stop, next_look_,
                                    [this] { return !fresh_.empty(); });
            else
                changed_.wait_until(change, stop,
                                    std::min(next_look_, next_snapshot_),
                                    [] { return false; });
        }
        if (!stop.stop_requested())
            work(steady_clock::now());
    }
}

void FileStore::work(steady_clock::time_point now)
{
    if (now >= next_look_) {
        static_cast<void>(refresh());
        static_cast<void>(purge());
        static_cast<void>(keep_late());
        next_look_ = now + look_interval;
    }
    if (now < next_snapshot_ || !anything_pending())
        return;
    const auto written = snapshot();
    const auto end = steady_clock::now();
    if (written) {
        retry_ = {};
        next_snapshot_ = end + std::max<steady_clock::duration>(
                                   min_pause, pause_factor * (end - now));
    } else {
        retry_ = std::clamp(retry_ * 2, first_retry, last_retry);
        next_snapshot_ = end + retry_;
    }
}

Status FileStore::note(Status status)
{
    std::string line;
    {
        const std::lock_guard lock{numbers_};
        if (status) {
            stats_.last_error.clear();
        } else {
            ++stats_.failures;
            if (stats_.last_error != status.error().text)
                line = stats_.last_error = status.error().text;
        }
    }
    if (!line.empty())
        report(line);
    return status;
}

}  // namespace policy::relayers
