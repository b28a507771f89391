#include "policy/relayers/db_file.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "policy/map/bdb_pages.h"

namespace policy::relayers {
namespace {

/// A file of more octets than this for each entry, and large at all, is
/// rebuilt.  makemap needs 42 to 100.
constexpr std::size_t wasteful_entry = 250;
constexpr std::size_t small_file = 256 * 1024;

/// Enough of a file to tell what kind it is.
constexpr off_t head_size = 512;

/// Of relayers.db.new, until it gets the mode of relayers.db.
constexpr mode_t private_mode = 0600;

std::string resolved(const std::string& path)
{
    char* const real = ::realpath(path.c_str(), nullptr);
    if (!real)
        return path;
    std::string result{real};
    std::free(real);
    return result;
}

std::string directory_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    if (slash == path.npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

map::Entries all_of(const map::Snapshot& snapshot)
{
    return [&snapshot](const auto& put) { snapshot.for_each(put); };
}

}  // namespace

class DbFile::Locked final : public LockedFile {
public:
    Locked(Files& files, const std::string& path, Fd fd, const struct stat& s)
        : file{std::move(fd)}, st{s}, files_{files}, path_{path}
    {
    }
    bool as_known() const override { return known_; }
    Result<const map::Snapshot*> entries() override;
    void compare(const std::optional<map::FileId>& known)
    {
        known_ = known && *known == map::id_of(st);
    }
    /// libdb writes to no file that has not been read page by page before.
    Status check();

    Fd file;
    struct stat st;

private:
    Files& files_;
    const std::string& path_;
    bool known_ = false;
    Status load();
    std::string octets_;
    std::shared_ptr<const map::Snapshot> entries_;
};

Status DbFile::Locked::load()
{
    if (!octets_.empty())
        return {};
    auto octets = files_.contents(file, st.st_size, path_);
    if (!octets)
        return fail(octets.error());
    octets_ = std::move(*octets);
    return {};
}

Status DbFile::Locked::check()
{
    if (known_)
        return {};
    if (auto loaded = load(); !loaded)
        return loaded;
    return map::check_writable(octets_, path_);
}

Result<const map::Snapshot*> DbFile::Locked::entries()
{
    if (entries_)
        return entries_.get();
    if (auto loaded = load(); !loaded)
        return fail(loaded.error());
    auto parsed = map::parse_file(octets_, path_);
    if (!parsed)
        return fail(parsed.error());
    entries_ = std::move(*parsed);
    return entries_.get();
}

DbFile::DbFile(std::string path, std::shared_ptr<Files> files, Ipv6Keys keys,
               mode_t mode)
    : path_{resolved(path)},
      new_path_{path_ + ".new"},
      directory_{directory_of(path_)},
      files_{std::move(files)},
      keys_{keys},
      mode_{mode}
{
}

Result<map::FileId> DbFile::id()
{
    const auto st = files_->stat(path_);
    if (!st)
        return fail(st.error());
    return map::id_of(*st);
}

Result<DbFile::Contents> DbFile::read(std::chrono::milliseconds wait)
{
    auto reading = files_->read(path_, wait);
    if (!reading)
        return fail(reading.error());
    auto entries = map::parse_file(reading->octets, path_);
    if (!entries)
        return fail(entries.error());
    return Contents{reading->id, std::move(*entries)};
}

/// The file of that name under LOCK_EX, and no other that once had the name.
Result<DbFile::Locked> DbFile::lock(std::chrono::milliseconds wait)
{
    const auto end = std::chrono::steady_clock::now() + wait;
    for (;;) {
        auto file = files_->open(path_, O_RDONLY, 0);
        if (!file)
            return fail(file.error());
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (auto locked = files_->lock(*file, left, path_); !locked)
            return fail(locked.error());
        const auto held = files_->stat(*file, path_);
        if (!held)
            return fail(held.error());
        if (!S_ISREG(held->st_mode))
            return fail(Errc::io, path_ + ": not a regular file");
        const auto named = files_->stat(path_);
        if (!named)
            return fail(named.error());
        if (named->st_ino == held->st_ino && named->st_dev == held->st_dev)
            return Locked{*files_, path_, std::move(*file), *held};
    }
}

Status DbFile::remove_new()
{
    if (auto removed = files_->remove(new_path_); !removed)
        return removed;
    return files_->remove(directory_ + "/__db." + name_of(new_path_));
}

Status DbFile::write_copy(const Locked& old, const Plan& plan)
{
    {
        const auto file =
            files_->open(new_path_, O_RDWR | O_CREAT | O_EXCL, private_mode);
        if (!file)
            return fail(file.error());
        auto copied = files_->copy(old.file, *file, old.st.st_size, new_path_);
        if (!copied)
            return copied;
    }
    return files_->apply(new_path_, spelled(plan.changes, keys_));
}

Status DbFile::write_anew(Locked& old, const Plan& plan)
{
    const auto now = old.entries();
    if (!now)
        return fail(now.error());
    auto made = files_->create(new_path_, *plan.entries, all_of(**now));
    return made ? files_->apply(new_path_, spelled(plan.changes, keys_)) : made;
}

/// Gives relayers.db.new owner, mode and name of relayers.db.  It is locked
/// until its state is known, lest a writer comes in between and its change
/// passes for ours.
Result<map::FileId> DbFile::put_in_place(const struct stat& like)
{
    const auto file = files_->open(new_path_, O_RDONLY, 0);
    if (!file)
        return fail(file.error());
    if (auto owned = files_->own(*file, like, new_path_); !owned)
        return fail(owned.error());
    if (auto locked =
            files_->lock(*file, std::chrono::milliseconds{0}, new_path_);
        !locked)
        return fail(locked.error());
    if (auto renamed = files_->rename(new_path_, path_); !renamed)
        return fail(renamed.error());
    static_cast<void>(files_->sync_directory(directory_));
    const auto st = files_->stat(*file, path_);
    return st ? map::id_of(*st) : map::FileId{};  // unknown: it is read again
}

Result<map::FileId> DbFile::update(const std::optional<map::FileId>& known,
                                   const Planner& planner,
                                   std::chrono::milliseconds wait)
{
    auto old = lock(wait);
    if (!old)
        return fail(old.error());
    old->compare(known);
    if (auto checked = old->check(); !checked)
        return fail(checked.error());
    const auto plan = planner(*old);
    if (!plan)
        return fail(plan.error());
    if (plan->changes.empty())
        return map::id_of(old->st);
    return finish(*old, write_new(*old, *plan));
}

Status DbFile::write_new(Locked& old, const Plan& plan)
{
    if (auto removed = remove_new(); !removed)
        return removed;
    const auto size = static_cast<std::size_t>(old.st.st_size);
    if (size > small_file && plan.entries &&
        size / (*plan.entries + 1) > wasteful_entry)
        return write_anew(old, plan);
    return write_copy(old, plan);
}

Result<map::FileId> DbFile::finish(const Locked& old, const Status& written)
{
    auto placed = written ? put_in_place(old.st)
                          : Result<map::FileId>{fail(written.error())};
    if (!placed)
        static_cast<void>(remove_new());
    return placed;
}

Result<bool> DbFile::create(const map::Entries& entries, std::size_t count)
{
    const std::string own = new_path_ + "." + std::to_string(::getpid());
    if (auto removed = files_->remove(own); !removed)
        return fail(removed.error());
    auto made = files_->create(own, count, spelled(entries, keys_));
    if (made)
        made = set_mode(own);
    if (made)
        made = files_->link(own, path_);
    static_cast<void>(files_->remove(own));
    if (made || made.error().code == Errc::denied)
        return made.has_value();
    static_cast<void>(files_->remove(directory_ + "/__db." + name_of(own)));
    return fail(made.error());
}

Status DbFile::set_mode(const std::string& path)
{
    const auto file = files_->open(path, O_RDONLY, 0);
    if (!file)
        return fail(file.error());
    auto st = files_->stat(*file, path);
    if (!st)
        return fail(st.error());
    st->st_mode = mode_;
    return files_->own(*file, *st, path);
}

/// An empty file is what a makemap that was killed leaves; anything else
/// without a magic number of libdb was never relayers.db.
Status DbFile::still_ours(const Locked& old)
{
    const auto head =
        files_->contents(old.file, std::min(old.st.st_size, head_size), path_);
    if (!head)
        return fail(head.error());
    if (head->empty() || map::is_bdb(*head))
        return {};
    return fail(Errc::format, path_ + ": another kind of file, left as it is");
}

Result<map::FileId> DbFile::replace(const map::Entries& entries,
                                    std::size_t count,
                                    std::chrono::milliseconds wait)
{
    const auto old = lock(wait);
    if (!old && old.error().code == Errc::gone) {
        const auto made = create(entries, count);
        if (!made)
            return fail(made.error());
        return *made ? id() : fail(Errc::timeout, path_ + ": changes");
    }
    if (!old)
        return fail(old.error());
    if (auto ours = still_ours(*old); !ours)
        return fail(ours.error());
    const std::string bad = path_ + ".bad";
    auto written = files_->remove(bad);
    if (written)
        written = files_->link(path_, bad);
    if (written)
        written = remove_new();
    if (written)
        written = files_->create(new_path_, count, spelled(entries, keys_));
    return finish(*old, written);
}

Status DbFile::verify(std::chrono::milliseconds wait)
{
    const auto locked = lock(wait);  // no writer shall come between
    if (!locked)
        return fail(locked.error());
    const auto octets =
        files_->contents(locked->file, locked->st.st_size, path_);
    if (!octets)
        return fail(octets.error());
    if (const auto parsed = map::parse_file(*octets, path_); !parsed)
        return fail(parsed.error());
    return map::bdb_verify(path_);
}

void DbFile::clean_up()
{
    const auto locked = lock(std::chrono::milliseconds{0});
    if (!locked)
        return;
    const std::string start = name_of(new_path_);
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator{directory_, ignored}) {
        const auto name = entry.path().filename().string();
        if (name.starts_with(start) || name.starts_with("__db." + start))
            static_cast<void>(files_->remove(directory_ + "/" + name));
    }
}

}  // namespace policy::relayers
