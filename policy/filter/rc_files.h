// rc files on disk: opened with care, read anew when they change, and kept
// when a new text is wrong.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/map/file.h"
#include "policy/recipe/plan.h"
#include "policy/recipe/world.h"

namespace policy::filter {

/// Files of users that are kept ready, and files that these include; beyond,
/// those of this sort are read anew: no user's includes push out the file of
/// another.
inline constexpr std::size_t kept_user_files = 4096;
inline constexpr std::size_t kept_user_includes = 1024;

/// Mistakes in one text of a file that are told.
inline constexpr std::size_t told_problems = 50;

/// Who may have written a file, and where it may lie.
struct RcRules {
    recipe::Scope scope = recipe::Scope::site;
    /// May own the file beside root; nullopt: who runs the program.
    std::optional<uid_t> owner;
    /// Group that may write too (that of the user alone).
    std::optional<gid_t> group;
    /// No link and no `..` leads out of this folder; empty: any place.
    std::string beneath;
    /// Only root's and the owner's; true: the owner's alone.
    bool strictly_owner = false;

    friend auto operator<=>(const RcRules&, const RcRules&) = default;
};

/// The rc files of one configuration.  Any thread.
class RcFiles {
public:
    /// One line about a file that cannot be used.
    using Alert = std::function<void(const std::string&)>;

    struct Got {
        enum class State {
            missing,  ///< there is no such file
            usable,   ///< `plan`, perhaps of an older text
            broken,   ///< never was right; see the alerts
        };
        State state = State::missing;
        std::shared_ptr<const recipe::Plan> plan;
        uid_t owner = 0;  ///< of the file
    };

    /// @param programs  that files of site and domains may start
    RcFiles(std::vector<std::string> programs, Alert alert);

    /// The file as it is now, or as it last was right.  Costs one stat(2)
    /// while it is unchanged.  What is wrong is told once for each change.
    Got get(const std::string& path, const RcRules& rules);

private:
    struct Entry {
        map::FileId id;
        bool settled = false;  ///< was old enough when it was read
        bool loading = false;
        bool known = false;
        Got got;
    };
    /// The rules belong to it: what one user may read another may not.
    using Key = std::pair<std::string, RcRules>;

    struct Loaded {
        map::FileId id;
        bool settled = false;
        Got got;
        std::vector<std::string> problems;
    };
    Loaded load(const std::string& path, const RcRules& rules) const;
    void tell(const std::string& path,
              const std::vector<std::string>& problems) const;
    void make_room_for(const Key& key);

    std::vector<std::string> programs_;
    Alert alert_;
    std::mutex mutex_;
    std::map<Key, Entry> entries_;
    std::size_t user_files_ = 0, user_includes_ = 0;
};

/// Problems of a plan that make it unfit for SMTP time, as "file:line: text".
std::vector<std::string> refusals(const recipe::Plan& plan);

}  // namespace policy::filter
