#include "milters/scanner/temp_dir.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace milters::scanner {
namespace {

namespace fs = std::filesystem;
using policy::Errc;

constexpr std::string_view prefix = "postern-scan.";
constexpr std::string_view set_prefix = "postern-set.";  // held_set.cc

/// The process that a folder's name tells of; 0: not such a name.
pid_t owner_of(std::string_view name)
{
    if (name.starts_with(prefix))
        name.remove_prefix(prefix.size());
    else if (name.starts_with(set_prefix))
        name.remove_prefix(set_prefix.size());
    else
        return 0;
    pid_t pid = 0;
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), pid);
    return error == std::errc{} && end != name.data() + name.size() &&
                   *end == '.'
               ? pid
               : 0;
}

policy::Status failed(const std::string& path)
{
    return policy::fail(Errc::io, path + ": " + std::strerror(errno));
}

}  // namespace

void sweep(const std::string& base)
{
    std::error_code error;
    for (fs::directory_iterator it{base, error}, end; !error && it != end;
         it.increment(error)) {
        const pid_t pid = owner_of(it->path().filename().string());
        if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) {
            std::error_code ignored;
            fs::remove_all(it->path(), ignored);
        }
    }
}

policy::Result<TempDir> TempDir::create(const std::string& base,
                                        unsigned number,
                                        const std::optional<UserId>& user,
                                        bool own_mount, std::uint64_t size)
{
    TempDir dir;
    const std::string path = base + "/" + std::string{prefix} +
                             std::to_string(::getpid()) + "." +
                             std::to_string(number);
    if (::mkdir(path.c_str(), 0700) != 0)
        return policy::fail(failed(path).error());
    dir.path_ = path;
    if (own_mount) {
        const std::string data = "mode=0700,size=" + std::to_string(size);
        if (::mount("tmpfs", path.c_str(), "tmpfs",
                    MS_NOSUID | MS_NODEV | MS_NOEXEC, data.c_str()) != 0)
            return policy::fail(failed("tmpfs on " + path).error());
        dir.mounted_ = true;
    }
    if (user && ::chown(path.c_str(), user->uid, user->gid) != 0)
        return policy::fail(failed(path).error());
    return dir;
}

TempDir::TempDir(TempDir&& other) noexcept
    : path_{std::exchange(other.path_, {})},
      mounted_{std::exchange(other.mounted_, false)}
{
}

TempDir& TempDir::operator=(TempDir&& other) noexcept
{
    remove();
    path_ = std::exchange(other.path_, {});
    mounted_ = std::exchange(other.mounted_, false);
    return *this;
}

void TempDir::remove()
{
    if (path_.empty())
        return;
    if (mounted_)
        ::umount2(path_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    path_.clear();
}

std::uint64_t TempDir::used() const
{
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator it{path_, error}, end;
         !error && it != end; it.increment(error)) {
        struct stat s {};
        if (::lstat(it->path().c_str(), &s) == 0)
            bytes += static_cast<std::uint64_t>(s.st_blocks) * 512;
    }
    return bytes;
}

}  // namespace milters::scanner
