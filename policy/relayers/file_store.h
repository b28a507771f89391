// The store of relay-milter: all grants in memory, a journal that makes each
// one last, and relayers.db written behind it for sendmail and old readers.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "policy/relayers/book.h"
#include "policy/relayers/db_file.h"
#include "policy/relayers/journal.h"
#include "policy/relayers/store.h"

namespace policy::relayers {

/// What happened to a grant, for `vsmtprelay watch`.
struct Event {
    enum class Kind {
        added,     ///< stored or replaced
        removed,   ///< by an administrator
        expired,   ///< its time has come
        reloaded,  ///< somebody else wrote relayers.db; `grant` says nothing
    };
    Kind kind;
    Grant grant;
};

struct FileSettings {
    std::string file;     ///< /etc/mail/relayers.db
    std::string journal;  ///< folder: /var/lib/postern; must exist
    std::chrono::seconds window{1800};  ///< 0: grants last until removed
    Ipv6Keys ipv6_keys = Ipv6Keys::full;
    bool sync = false;  ///< fdatasync(2) the journal before acknowledging
    Clock clock = system_now;
    std::shared_ptr<Files> files = std::make_shared<Files>();
    /// Writes relayers.db, takes over foreign changes and ends grants by
    /// itself; tests do without and call snapshot(), refresh(), purge().
    bool background = true;
    /// Gets one line for the log; any thread.
    std::function<void(const std::string&)> report{};
    /// Any thread; must be quick.
    std::function<void(const Event&)> event{};
};

/// One process owns a journal folder; a second one is refused.
///
/// Thread rule: any thread may call.  find() waits for a writer only while
/// that one changes the memory, never while it writes to disk.
///
/// add() and remove() cost one write(2).  relayers.db follows at once, then
/// at most every 0.2 s or four times what writing it took: 1.2 ms for 1,000
/// entries, 50 ms for 1,000,000.
///
/// A grant that the journal could not keep (the disk is full) is not given:
/// add() says so, and find() fails for its client, whose mail shall wait and
/// not be refused.  The store tries again each second while the grant counts.
class FileStore final : public Store {
public:
    /// Reads relayers.db (and makes an empty one where there is none), then
    /// the journal that an earlier process left.  A damaged relayers.db is
    /// kept as relayers.db.bad.
    /// @return Errc::denied if another process owns the journal
    static Result<std::unique_ptr<FileStore>> open(FileSettings settings);
    /// Errc::denied, after 1.5 s, if another process owns the journal in that
    /// folder.  Makes no file; open() says so too, but waits longer.
    static Status unclaimed(const std::string& journal);
    ~FileStore() override;  ///< writes what is pending, waits 0.3 s at most
    FileStore(const FileStore&) = delete;
    FileStore& operator=(const FileStore&) = delete;

    Result<std::optional<Grant>> find(const ClientAddr& client) override;
    Result<std::optional<Grant>> exact(const Network& network) override;
    Result<std::vector<Grant>> covering(const Network& network) override;
    Status add(const Grant& grant) override;
    Result<bool> remove(const Network& network) override;
    Result<std::vector<Grant>> list() override;
    Result<Page> page(const std::optional<Network>& after,
                      std::size_t limit) override;
    Result<Others> others() override;
    Status add_all(std::span<const Grant> grants) override;
    Result<std::vector<Network>> remove_all(
        std::span<const Network> networks) override;
    Result<std::vector<Grant>> remove_where(const Condition& unwanted) override;
    Stats stats() override;
    Result<Check> verify(bool repair) override;

    /// For a new configuration; takes effect with the next find().
    void set_window(std::chrono::seconds window);

    /// Writes pending changes to relayers.db now.
    Status snapshot(std::chrono::milliseconds wait = default_wait);
    /// Takes over what others did to relayers.db.
    Status refresh();
    /// Removes what has expired, looking at a part of all grants a call.
    Status purge();
    /// Keeps what could not be kept before, if that can be done now.
    Status keep_late();

private:
    using Pending = std::unordered_map<std::string, std::optional<std::string>>;
    static constexpr std::chrono::milliseconds default_wait{2000};

    FileStore(FileSettings settings, Fd lock, Journal journal);
    Status load();
    Status load_file();
    Status replay();
    Status commit(const std::vector<map::Change>& changes);
    Result<std::vector<Grant>> take_out(std::span<const Network> networks,
                                        const Condition& unwanted,
                                        Event::Kind kind);
    Condition outlived() const;
    void settle(const std::vector<map::Change>& changes);
    Status keep(std::span<const Grant> grants);

    // REQUIRES: upkeep_ is held.
    Status write_out(std::chrono::milliseconds wait);
    Status begin_snapshot();
    Result<Plan> plan(LockedFile& file, std::optional<Book>& foreign);
    Status put_right(const Error& why, std::chrono::milliseconds wait);
    void end_snapshot(const map::FileId& id, std::optional<Book> foreign);
    void adopt(Book book, const map::FileId& id);
    Status reload(const map::FileId& id);
    std::vector<std::string> differences(const Book& file);

    bool anything_pending();
    void run(const std::stop_token& stop);
    void work(std::chrono::steady_clock::time_point now);
    Status note(Status status);
    void report(const std::string& line) const;
    void publish(Event::Kind kind, const Grant& grant) const;

    const FileSettings settings_;
    const Fd lock_;
    DbFile db_;
    std::atomic<std::chrono::seconds> window_;

    std::mutex upkeep_;  ///< taken first: one snapshot or reload at a time
    std::optional<map::FileId> known_;  ///< state of relayers.db we know
    std::optional<map::FileId> bad_;    ///< state in which it was damaged

    std::mutex change_;  ///< taken second: the journal and what is pending
    Journal journal_;
    Pending fresh_;  ///< in relayers.log
    Pending aging_;  ///< in relayers.old
    std::condition_variable_any changed_;

    mutable std::shared_mutex memory_;  ///< taken last
    Book book_;
    GrantSet unkept_;  ///< that the journal had no room for
    std::size_t purge_place_ = 0;

    mutable std::mutex numbers_;
    Stats stats_;

    std::chrono::steady_clock::time_point next_snapshot_{}, next_look_{};
    std::chrono::milliseconds retry_{};
    std::jthread thread_;
};

}  // namespace policy::relayers
