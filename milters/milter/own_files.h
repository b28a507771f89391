// Files of this process by name: sockets and the like.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

namespace milters::milter {

/// Files as they were when they were looked at, so that none is removed that
/// somebody else has put in its place.
class OwnFiles {
public:
    OwnFiles() = default;
    /// Those of `paths` that are there.
    explicit OwnFiles(const std::vector<std::string>& paths);

    /// Removes those that are still the same; failures are ignored.
    void remove() const;

private:
    struct Name {
        std::string path;
        struct stat info;
    };
    std::vector<Name> names_;
};

}  // namespace milters::milter
