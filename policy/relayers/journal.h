// The journal of grants: what has been acknowledged and is not in relayers.db
// yet.  Two files of one line a change,
//
//   relayers.log    the present one
//   relayers.old    the one before, until the snapshot that holds it is done
//
//   A <tab> key <tab> value <tab> sum        added or replaced
//   D <tab> key <tab> <tab> sum              removed
//
// key and value as in relayers.db(5), sum the FNV-1a hash of what is before
// it, eight hex digits.  A line that is not whole (the machine lost power, the
// disk was full) is skipped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/bdb.h"
#include "policy/relayers/files.h"

namespace policy::relayers {

/// A line of the journal.
std::string journal_line(const map::Change& change);

/// The changes of a journal's text, in order.  @param skipped  is counted up
/// for each line that is not whole.
std::vector<map::Change> parse_journal(std::string_view text,
                                       std::uint64_t& skipped);

/// Used by one thread at a time.
class Journal {
public:
    /// Opens, and creates where it is missing, the journal in `directory`.
    /// @param sync  fdatasync(2) before append() returns: survives a power
    ///              cut; without it only a kill -9
    static Result<Journal> open(const std::string& directory, bool sync,
                                std::shared_ptr<Files> files);

    /// What an earlier process left, in order.
    struct Left {
        std::vector<map::Change> old;    ///< of relayers.old
        std::vector<map::Change> fresh;  ///< of relayers.log, the newer ones
        std::uint64_t skipped = 0;       ///< lines that are not whole
    };
    Result<Left> replay();

    /// Returns once the lines (of journal_line()) are kept; after an error
    /// none of them is, but where it is fdatasync that failed.
    Status append(std::string_view lines);

    /// Begins a new relayers.log; the present one becomes relayers.old.
    /// After an error nothing is lost and it may be tried again.
    /// REQUIRES: !has_old().
    Status rotate();
    bool has_old() const { return has_old_; }
    /// The changes of relayers.old are in relayers.db now.
    Status drop_old();
    /// Both files are in relayers.db now, and this journal ends.
    Status drop_all();

private:
    Journal(std::string directory, bool sync, std::shared_ptr<Files> files);
    Status open_file();
    Result<std::string> text_of(const std::string& path);

    std::string directory_, path_, old_path_;
    bool sync_;
    std::shared_ptr<Files> files_;
    Fd file_;
    bool has_old_ = false;
    bool is_old_ = false;  ///< rotate() failed half way: file_ is old_path_
    bool torn_ = false;    ///< a failed append may have left part of a line
};

}  // namespace policy::relayers
