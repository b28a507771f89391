// relayers.db without relay-milter: each call works on the file itself.  For
// vsmtprelay on a host where no daemon runs, or on any file.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "policy/relayers/book.h"
#include "policy/relayers/db_file.h"
#include "policy/relayers/journal.h"
#include "policy/relayers/store.h"

namespace policy::relayers {

struct DirectSettings {
    std::string file;
    /// Folder of a relay-milter that may have been killed with grants in its
    /// journal: they are seen, and go into the file with the first change.
    /// Empty, or one that does not exist: none.
    std::string journal{};
    std::chrono::seconds window{1800};
    Ipv6Keys ipv6_keys = Ipv6Keys::full;
    Clock clock = system_now;
    std::shared_ptr<Files> files = std::make_shared<Files>();
    std::chrono::milliseconds wait{30000};  ///< for others' locks
};

/// Any number of processes may write one file so, and none loses another's
/// change; each change costs a copy of the file (1 ms with 1,000 entries,
/// 50 ms with 1,000,000) and is on disk when the call returns.
class DirectStore final : public Store {
public:
    explicit DirectStore(DirectSettings settings);

    Result<std::optional<Grant>> find(const ClientAddr& client) override;
    Result<std::optional<Grant>> exact(const Network& network) override;
    /// Makes the file if there is none.
    Status add(const Grant& grant) override;
    Result<bool> remove(const Network& network) override;
    Result<std::vector<Grant>> list() override;
    Result<Others> others() override;
    Status add_all(std::span<const Grant> grants) override;
    Result<std::vector<Network>> remove_all(
        std::span<const Network> networks) override;
    Result<std::vector<Grant>> remove_where(const Condition& unwanted) override;
    Stats stats() override;
    /// Repair keeps what can be read of a damaged file, page by page.
    Result<Check> verify(bool repair) override;

private:
    /// Journal of a dead relay-milter, owned as long as this lives.
    struct Left;

    Result<Book> book();
    Result<std::vector<map::Change>> journal() const;
    Result<Left> left_over();
    /// Gets the journal's changes too, which go into the file first.
    using Planner = std::function<Result<Plan>(
        LockedFile& file, const std::vector<map::Change>& left)>;
    Status update(const Planner& plan);
    Status take_out(
        const std::function<std::vector<Network>(const Book&)>& choose);
    Status put_right(Check& check);

    const DirectSettings settings_;
    DbFile db_;
};

}  // namespace policy::relayers
