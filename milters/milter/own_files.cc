#include "milters/milter/own_files.h"

#include <unistd.h>

namespace milters::milter {

OwnFiles::OwnFiles(const std::vector<std::string>& paths)
{
    for (const auto& path : paths) {
        struct stat info {};
        if (lstat(path.c_str(), &info) == 0)
            names_.push_back({path, info});
    }
}

void OwnFiles::remove() const
{
    for (const auto& name : names_) {
        struct stat now {};
        if (lstat(name.path.c_str(), &now) == 0 &&
            now.st_dev == name.info.st_dev && now.st_ino == name.info.st_ino)
            unlink(name.path.c_str());
    }
}

}  // namespace milters::milter
