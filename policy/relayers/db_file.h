// relayers.db on disk: read under a shared lock, replaced by copy and rename
// under an exclusive one.
//
// In place, a hash file is changed in several writes of a page each, and a
// program killed between two of them has lost entries that nobody touched.  A
// copy that takes the place of the file when it is whole cannot be seen half
// written.  The locks are flock(2) on the file itself, as makemap and sendmail
// have them; after each lock the inode is compared with that of the name, for
// a writer before us has put another file there.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/map/bdb.h"
#include "policy/map/file.h"
#include "policy/relayers/files.h"
#include "policy/relayers/spelling.h"

namespace policy::relayers {

/// What a writer wants changed.
struct Plan {
    std::vector<map::Change> changes;
    /// About how many entries the file has afterwards, if that is known.  A
    /// file that is far too large for them is rebuilt: hash files do not
    /// shrink.
    std::optional<std::size_t> entries{};
};

/// The file under the lock, as a planner sees it.
class LockedFile {
public:
    virtual ~LockedFile() = default;
    /// Whether it is in the state that the caller of update() knows.
    virtual bool as_known() const = 0;
    /// Its entries; they are read at the first call only.
    virtual Result<const map::Snapshot*> entries() = 0;
};

/// Any number of threads and processes may work on one file.
class DbFile {
public:
    /// @param path  relayers.db, which need not exist; symbolic links are
    ///              followed, so that the file they lead to is replaced
    /// @param keys  how IPv6 addresses are written
    /// @param mode  of a file that is made anew
    DbFile(std::string path, std::shared_ptr<Files> files, Ipv6Keys keys,
           mode_t mode = 0640);

    const std::string& path() const { return path_; }

    struct Contents {
        map::FileId id;
        std::shared_ptr<const map::Snapshot> entries;
    };
    /// Errc::gone: no file.  Errc::format: damaged, empty or foreign.
    Result<Contents> read(std::chrono::milliseconds wait);

    /// What stat(2) says now.  Errc::gone: no file.
    Result<map::FileId> id();

    /// Makes the changes that `plan` asks for.
    /// @param known  state of the file that the caller knows the entries of
    /// @param plan   called once, under the lock; not to touch this file
    /// @return state of the new file (of the old one if nothing changes).
    ///         After an error the old file is as it was.  Errc::gone: no file;
    ///         Errc::format: damaged; Errc::timeout: locked by another.
    using Planner = std::function<Result<Plan>(LockedFile& file)>;
    Result<map::FileId> update(const std::optional<map::FileId>& known,
                               const Planner& plan,
                               std::chrono::milliseconds wait);

    /// Makes a file with these entries if there is none.  @return whether it
    /// was made here
    Result<bool> create(const map::Entries& entries, std::size_t count);

    /// Replaces the file, damaged or not, by one with these entries; a file
    /// that was there is kept as `path`.bad.  Errc::format: another kind of
    /// file has the name; it is left as it is.
    Result<map::FileId> replace(const map::Entries& entries, std::size_t count,
                                std::chrono::milliseconds wait);

    /// db_verify under the lock, and our own reading of every page.
    Status verify(std::chrono::milliseconds wait);

    /// Takes away what a killed writer left.  Under the exclusive lock; does
    /// nothing while another writer is at work.
    void clean_up();

private:
    class Locked;
    Result<Locked> lock(std::chrono::milliseconds wait);
    Status still_ours(const Locked& old);
    Status remove_new();
    Status write_new(Locked& old, const Plan& plan);
    Status write_copy(const Locked& old, const Plan& plan);
    Status write_anew(Locked& old, const Plan& plan);
    Result<map::FileId> finish(const Locked& old, const Status& written);
    Result<map::FileId> put_in_place(const struct stat& like);
    Status set_mode(const std::string& path);

    std::string path_, new_path_, directory_;
    std::shared_ptr<Files> files_;
    Ipv6Keys keys_;
    mode_t mode_;
};

}  // namespace policy::relayers
