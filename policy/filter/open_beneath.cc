#include "policy/filter/open_beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#ifdef __linux__
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace policy::filter {
namespace {

constexpr int for_reading = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
// A folder need not be readable for its files to be.
#if defined(O_PATH)
constexpr int as_folder = O_PATH | O_DIRECTORY | O_CLOEXEC;
#elif defined(O_SEARCH)
constexpr int as_folder = O_SEARCH | O_DIRECTORY | O_CLOEXEC;
#else
constexpr int as_folder = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
#endif

#ifdef SYS_openat2
Fd open_resolved(int folder, const std::string& path, std::uint64_t resolve)
{
    open_how how{};
    how.flags = for_reading;
    how.resolve = resolve;
    return Fd{static_cast<int>(
        ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how))};
}
#endif

Fd open_in(int folder, const std::string& path, bool any_place, bool no_links)
{
#ifdef SYS_openat2
    Fd file = open_resolved(folder, path,
                            (any_place ? 0 : RESOLVE_BENEATH) |
                                (no_links ? RESOLVE_NO_SYMLINKS : 0));
    // Without it: a kernel before 5.6, or a sandbox.
    if (file || (errno != ENOSYS && errno != EPERM))
        return file;
#endif
    if (any_place && !no_links)
        return Fd{::openat(folder, path.c_str(), for_reading)};
    return open_step_by_step(folder, path);
}

/// Systems differ in what they say of a link that must not be followed.
void say_if_link(const Fd& folder, const std::string& name)
{
    const int error = errno;
    struct stat st {};
    const bool link =
        ::fstatat(folder.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(st.st_mode);
    errno = link ? ELOOP : error;
}

}  // namespace

Fd open_step_by_step(int at, std::string_view path)
{
    Fd folder{path.starts_with("/") ? ::open("/", as_folder)
                                    : ::openat(at, ".", as_folder)};
    while (folder) {
        path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
        const std::string name{path.substr(0, path.find('/'))};
        path.remove_prefix(name.size());
        if (name == "..") {
            errno = EXDEV;
            return {};
        }
        const bool last = path.find_first_not_of('/') == path.npos;
        Fd next{::openat(folder.get(), name.c_str(),
                         (last ? for_reading : as_folder) | O_NOFOLLOW)};
        if (!next)
            say_if_link(folder, name);
        if (!next || last)
            return next;
        folder = std::move(next);
    }
    return {};
}

Fd open_beneath(const std::string& path, const std::string& folder,
                bool no_links)
{
    if (folder.empty())
        return open_in(AT_FDCWD, path, true, no_links);
    if (!path.starts_with(folder) || path.size() == folder.size()) {
        errno = EXDEV;
        return {};
    }
    const Fd start{::open(folder.c_str(), as_folder)};
    if (!start)
        return {};
    std::string below = path.substr(folder.size());
    below.erase(0, below.find_first_not_of('/'));
    return open_in(start.get(), below, false, no_links);
}

}  // namespace policy::filter
