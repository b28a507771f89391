#include "milters/milter/setting.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace milters::milter {
namespace {

std::string why_not(const std::string& path, mode_t type, const char* not_one,
                    int mode)
{
    struct stat st {};
    const bool found = ::stat(path.c_str(), &st) == 0;
    if (found && (st.st_mode & S_IFMT) != type)
        return path + ": " + not_one;
    return found && ::access(path.c_str(), mode) == 0
               ? ""
               : path + ": " + std::strerror(errno);
}

}  // namespace

void complain(policy::config::Problems& problems,
              const policy::config::Config& config, const std::string& setting,
              const std::string& text)
{
    if (!text.empty())
        problems.push_back(config.values.place(setting) + ": " + setting +
                           ": " + text);
}

std::string why_not_writable(const std::string& folder)
{
    return why_not(folder, S_IFDIR, "is not a folder", W_OK | X_OK);
}

std::string why_not_readable(const std::string& file)
{
    return why_not(file, S_IFREG, "is not a file", R_OK);
}

std::string why_not_runnable(const std::string& file)
{
    return why_not(file, S_IFREG, "is not a file", X_OK);
}

}  // namespace milters::milter
