// Reads a log as it grows, over rotation, truncation and restarts.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/clock.h"
#include "policy/fd.h"
#include "policy/result.h"

namespace milters::login {

/// Where reading a file has come to.  The head (a hash of its first octets)
/// tells the file from another one that got the same inode later.
struct Place {
    dev_t dev = 0;
    ino_t ino = 0;
    off_t offset = 0;
    std::size_t head_size = 0;
    std::uint64_t head = 0;

    friend bool operator==(const Place&, const Place&) = default;
};

/// As stored: `postern-follow 1 DEV INO OFFSET HEADSIZE HEAD` and a newline.
std::string to_text(const Place& place);
std::optional<Place> place_from(std::string_view text);

/// One log file by name.  Hands out complete lines, each once:
///
///  - without a stored place it begins at the end: what stood there before
///    we first came is nobody's login now
///  - with one it goes on there; when the file was rotated meanwhile, it reads
///    the rest of the old one (same folder, name with something appended)
///    first
///  - a renamed file is read to its end and for `linger` more, because its
///    writer learns of the new one later
///  - a file that got shorter (copytruncate) is read from its beginning
///  - a line is handed out when its newline is there; reading never begins
///    within a line; a line longer than max_line is left out
///
/// One thread.
class Tail {
public:
    /// @param line  the text without newline
    /// @param live  false for what a file held already when we first saw it,
    ///              or saw it cut: that may be old
    using Line = std::function<void(std::string_view line, bool live)>;

    /// @param state_file  where the place is stored; empty: nowhere
    Tail(std::string path, std::string state_file);

    enum class Outcome {
        more,    ///< the budget was used up: call again
        idle,    ///< everything there has been read
        absent,  ///< no such file now
    };
    /// Reads at most about `budget` octets.  An error: the file cannot be
    /// opened or is not a regular one; the next call tries again.
    policy::Result<Outcome> poll(const Line& line, policy::Seconds now,
                                 std::size_t budget = 256 * 1024);

    /// Changes whenever another file has become the current one.
    unsigned generation() const { return generation_; }

    /// Stores the place, if it has changed, by a new file and rename.
    policy::Status save();

    static constexpr std::size_t max_line = 16 * 1024;
    static constexpr std::chrono::seconds linger{60};

private:
    struct Open {
        policy::Fd fd;
        Place place{};  ///< offset: of the first octet not yet read
        std::string partial{};
        bool skip = false;  ///< until the next newline
        bool live = false;
        std::optional<policy::Seconds> renamed{};
    };

    policy::Result<std::optional<Open>> open(const std::string& path,
                                             off_t offset) const;
    policy::Status begin();
    policy::Status resume(const Place& saved);
    std::optional<Open> find_rotated(const Place& saved) const;
    static void start_at(Open& file, off_t offset);
    static bool truncated(Open& file);
    std::size_t read(Open& file, const Line& line, std::size_t budget);
    static void feed(Open& file, std::string_view octets, const Line& line);
    policy::Status follow_rename();
    void drop_old(policy::Seconds now);

    std::string path_, state_file_;
    bool begun_ = false;
    unsigned generation_ = 0;
    std::vector<Open> files_;  ///< the last is the current one
    std::optional<Place> saved_;
};

}  // namespace milters::login
