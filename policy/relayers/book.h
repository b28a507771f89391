// The grants in a file, and what else is in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/map/bdb.h"
#include "policy/map/map.h"
#include "policy/relayers/grant_set.h"

namespace policy::relayers {

/// Entries of relayers.db, sorted out.  Thread rule: as a container.
struct Book {
    GrantSet grants;
    /// Keys that are spelled otherwise than key_of() does it, by what key_of()
    /// gives.  When we write such an entry they go.
    std::multimap<std::string, std::string> spellings;
    /// They stay in the file as they are, until a grant takes their key.
    Others others;
};

/// Of two spellings of one network, the newer login counts.
Book book_of(const map::Snapshot& entries);

/// Applies a change as the journal has it.
void apply(Book& book, const map::Change& change);

/// The change and, for each other spelling of its key, a deletion.
void append_with_spellings(std::vector<map::Change>& changes,
                           const map::Change& change, const Book& book);

}  // namespace policy::relayers
