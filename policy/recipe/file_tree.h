// Directories and files that exist only here: what the user of a delivery
// agent may write to.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace policy::recipe {

/// Path of the directory that `path`, an absolute one, is in.
std::string parent_of(const std::string& path);

/// Value type.  Paths without a leading slash begin at the home.
class FileTree {
public:
    /// `home` and what is below it, /tmp and /var/mail are the user's own;
    /// the other directories of a small system can only be seen.
    explicit FileTree(std::string home);

    void add_directory(const std::string& path);
    void add_file(const std::string& path);

    /// `path` seen from the directory `cwd`, without . and .. in it.
    std::string full(std::string_view cwd, std::string_view path) const;
    bool is_directory(std::string_view cwd, std::string_view path) const;

    // These take paths as full() makes them.

    /// Whether files can be made in `directory`.
    bool writable(const std::string& directory) const;
    /// True also if it was there.
    bool make_directory(const std::string& path);
    bool make_file(const std::string& path);

private:
    std::string home_;
    std::set<std::string> directories_, files_;
};

}  // namespace policy::recipe
