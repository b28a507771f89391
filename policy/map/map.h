// A map: key -> value, as sendmail's K line has it.  Callers never see which
// library reads the file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "policy/result.h"

namespace policy::map {

/// One consistent reading of a map.  Immutable, so any number of threads may
/// look things up in it; keys and values are octets without trailing NUL.
class Snapshot {
public:
    virtual ~Snapshot() = default;

    /// Value stored under `key`, compared exactly: callers fold case, as
    /// sendmail does before it asks.  nullopt if there is no such key.
    virtual std::optional<std::string_view> find(
        std::string_view key) const = 0;

    /// Calls `visit(key, value)` for every entry, in no fixed order.
    virtual void for_each(
        const std::function<void(std::string_view, std::string_view)>& visit)
        const = 0;

    virtual std::size_t size() const = 0;
};

/// Something that has a current Snapshot: a map file that is watched, or a
/// table in memory.  Safe to call from any thread.
class Source {
public:
    virtual ~Source() = default;

    /// The newest consistent reading; an error when the map cannot be read
    /// now, which callers answer with 4xx, never with "no entry".
    virtual Result<std::shared_ptr<const Snapshot>> current() = 0;

    /// For logs and Why::source: a path, usually.
    virtual const std::string& name() const = 0;
};

/// Reader of a makemap(8) file: hash or btree by libdb, cdb by libcdb; told
/// apart by their magic numbers.  Every current() costs one stat(2) while
/// the file is unchanged.  Source: sendmail map.c db_map_lookup.
/// @param path      with or without `.db`/`.cdb`; sendmail's K line has it
///                  without
/// @param optional  a missing file is an empty map (`-o`); an unreadable,
///                  torn, empty or foreign one is an error all the same
std::unique_ptr<Source> open_file(std::string path, bool optional);

/// From makemap source text, in memory, as `makemap hash` would store it:
/// keys folded, first of duplicates kept, errors with line numbers.
Result<std::shared_ptr<const Snapshot>> from_text(std::string_view text,
                                                  const std::string& name);

/// A Source that always has this Snapshot.
std::unique_ptr<Source> fixed(std::shared_ptr<const Snapshot> snapshot,
                              std::string name);

}  // namespace policy::map
