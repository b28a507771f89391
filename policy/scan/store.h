// Messages that are kept in a folder of our own: ID.eml with the message, and
// ID.json with what was found and who was concerned.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/clock.h"
#include "policy/result.h"

namespace policy::scan {

/// What ID.json says.
struct Kept {
    std::string id;  ///< letters, digits and `-`: the name of the files
    Seconds when{};
    std::string queue_id, sender;    ///< sender without brackets
    std::vector<std::string> rcpts;  ///< without brackets
    std::string client, auth_user, subject;
    std::string status, signature, action, group, reason;
    std::uint64_t size = 0;  ///< of the message
    bool whole = false;      ///< ID.eml is there
};

/// One folder.  Any thread and any process: files appear whole or not at all
/// (written beside, fsync(2), rename(2)).  Mode 0700, files 0600, owned by
/// whoever owns the folder.
class Store {
public:
    explicit Store(std::string folder) : folder_{std::move(folder)} {}

    /// Makes the folder if its parent is there.
    Status prepare() const;

    /// @param write  writes the message to an open file; null: none is kept
    Status keep(const Kept& kept,
                const std::function<Status(int fd)>& write) const;

    /// Oldest first.  What cannot be read is left out and told in `problems`.
    Result<std::vector<Kept>> list(std::vector<std::string>& problems) const;
    /// Errc::gone if there is none of that id, Errc::usage for an id that
    /// cannot be one.
    Result<Kept> find(const std::string& id) const;
    Status remove(const std::string& id) const;
    /// Removes what is older than `age`; returns how many.
    Result<unsigned> expire(Seconds now, std::chrono::seconds age) const;

    /// Lets this message pass unscanned once, to whoever has the word that is
    /// returned.
    Result<std::string> grant_release(const std::string& id) const;
    /// Whether `value`, "ID WORD", was granted.  It is void from then on.
    bool use_release(std::string_view value) const;

    std::string path(const std::string& id, const char* ending) const
    {
        return folder_ + "/" + id + ending;
    }

private:
    Status write_file(const std::string& name,
                      const std::function<Status(int fd)>& write) const;

    std::string folder_;
};

/// Writes all of it, whatever write(2) says.
Status write_all(int fd, std::string_view bytes);

}  // namespace policy::scan
