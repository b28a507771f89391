#include "milters/scanner/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "milters/scanner/channel.h"

namespace milters::scanner {
namespace {

using policy::Status;

Status failed(const std::string& what)
{
    const int error = errno;
    return policy::fail(policy::Errc::denied,
                        what + ": " + std::strerror(error));
}

Status write_file(const char* path, const std::string& text)
{
    const Fd file{::open(path, O_WRONLY | O_CLOEXEC)};
    if (!file || ::write(file.get(), text.data(), text.size()) !=
                     static_cast<ssize_t>(text.size()))
        return failed(path);
    return {};
}

/// The same ids inside as outside (user_namespaces(7)).
Status keep_ids(uid_t uid, gid_t gid)
{
    const auto same = [](unsigned id) {
        return std::to_string(id) + " " + std::to_string(id) + " 1\n";
    };
    if (auto s = write_file("/proc/self/setgroups", "deny"); !s)
        return s;
    if (auto s = write_file("/proc/self/uid_map", same(uid)); !s)
        return s;
    return write_file("/proc/self/gid_map", same(gid));
}

}  // namespace

Status own_namespaces()
{
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    const int user = uid == 0 ? 0 : CLONE_NEWUSER;
    if (::unshare(user | CLONE_NEWNS) != 0)
        return failed("unshare");
    if (user)
        if (auto s = keep_ids(uid, gid); !s)
            return s;
    // Containers may give mounts and no network; the filter of system calls
    // stops sockets by itself.
    ::unshare(CLONE_NEWNET | CLONE_NEWIPC);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failed("mount");
    return {};
}

}  // namespace milters::scanner
