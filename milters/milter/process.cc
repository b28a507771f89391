#include "milters/milter/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

namespace milters::milter {
namespace {

using policy::Errc;
using policy::fail;

std::string because(const std::string& what)
{
    return what + ": " + std::strerror(errno);
}

std::optional<unsigned> number(const std::string& text)
{
    unsigned n = 0;
    const auto [rest, ec] =
        std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || ec != std::errc{} || rest != text.data() + text.size())
        return std::nullopt;
    return n;
}

/// An entry of the user database, and the room that its texts are in.
template <class Entry>
struct Found {
    Entry entry{};
    std::vector<char> room{};
    bool there = false;
};

/// Asks getpwnam_r(3) or one of its kind, with the room that it needs.
template <class Entry, class Key>
Found<Entry> look_up(int (*ask)(Key, Entry*, char*, std::size_t, Entry**),
                     Key key)
{
    constexpr std::size_t most_room = 1U << 22;
    Found<Entry> out;
    Entry* found = nullptr;
    int rc = ERANGE;
    for (std::size_t n = 1U << 12; rc == ERANGE && n <= most_room; n *= 2) {
        out.room.resize(n);
        rc = ask(key, &out.entry, out.room.data(), n, &found);
    }
    out.there = rc == 0 && found;
    return out;
}

policy::Result<Account> user_of(const std::string& name)
{
    if (const auto user = look_up(getpwnam_r, name.c_str()); user.there)
        return Account{name, user.entry.pw_uid, user.entry.pw_gid};
    if (const auto uid = number(name)) {
        const auto user = look_up(getpwuid_r, *uid);
        return user.there ? Account{user.entry.pw_name, *uid, user.entry.pw_gid}
                          : Account{name, *uid, *uid};
    }
    return fail(Errc::gone, "no user " + name);
}

}  // namespace

policy::Result<gid_t> find_group(const std::string& name)
{
    if (const auto group = look_up(getgrnam_r, name.c_str()); group.there)
        return group.entry.gr_gid;
    if (const auto gid = number(name))
        return *gid;
    return fail(Errc::gone, "no group " + name);
}

policy::Result<Account> Account::find(const std::string& text)
{
    const auto colon = text.find(':');
    auto account = user_of(text.substr(0, colon));
    if (!account || colon == std::string::npos)
        return account;
    const auto gid = find_group(text.substr(colon + 1));
    if (!gid)
        return fail(gid.error());
    account->gid = *gid;
    return account;
}

policy::Status become(const Account& account)
{
    if (geteuid() != 0) {
        if (geteuid() == account.uid)
            return {};
        return fail(Errc::denied, "only root can become " + account.name);
    }
    if (initgroups(account.name.c_str(), account.gid) != 0 ||
        setgid(account.gid) != 0 || setuid(account.uid) != 0)
        return fail(Errc::denied, because("becoming " + account.name));
    if (getuid() != account.uid || geteuid() != account.uid ||
        getgid() != account.gid || getegid() != account.gid ||
        (account.uid != 0 && setuid(0) == 0))
        return fail(Errc::denied, "root could not be dropped");
    return {};
}

policy::Result<net::Ownership> ownership(const std::string& owner,
                                         const std::string& group, mode_t mode,
                                         const std::optional<Account>& account)
{
    net::Ownership out;
    out.mode = mode;
    if (account) {
        out.owner = account->uid;
        out.group = account->gid;
    }
    if (!owner.empty()) {
        const auto user = user_of(owner);
        if (!user)
            return fail(user.error());
        out.owner = user->uid;
    }
    if (!group.empty()) {
        const auto gid = find_group(group);
        if (!gid)
            return fail(gid.error());
        out.group = *gid;
    }
    return out;
}

policy::Status make_folder_of(const std::string& path,
                              const std::optional<Account>& account)
{
    const auto folder = path.substr(0, path.rfind('/'));
    if (folder.empty() || access(folder.c_str(), F_OK) == 0)
        return {};
    if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
        return fail(Errc::io, because(folder));
    if (account && geteuid() == 0 &&
        lchown(folder.c_str(), account->uid, account->gid) != 0)
        return fail(Errc::io, because(folder));
    return {};
}

void raise_file_limit()
{
    constexpr rlim_t enough = 65536;
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough)
        return;
    limit.rlim_cur = std::min(enough, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
}

namespace {

/// Whether `fd` is the regular file of that name, with no other name: a root
/// who starts us must not be led to overwrite somebody's file.
bool is_our_file(int fd, const std::string& path)
{
    struct stat open {
    }, named{};
    return fstat(fd, &open) == 0 && S_ISREG(open.st_mode) &&
           open.st_nlink == 1 && lstat(path.c_str(), &named) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

std::string first_line(int fd)
{
    std::array<char, 24> bytes{};
    const auto n = read(fd, bytes.data(), bytes.size() - 1);
    std::string text{bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
    return text.substr(0, text.find('\n'));
}

policy::Status write_pid(int fd, const std::string& path)
{
    const auto line = std::to_string(getpid()) + "\n";
    if (ftruncate(fd, 0) != 0 || write(fd, line.data(), line.size()) !=
                                     static_cast<ssize_t>(line.size()))
        return fail(Errc::io, because(path));
    return {};
}

}  // namespace

policy::Result<PidFile> PidFile::create(const std::string& path,
                                        const std::optional<Account>& account)
{
    constexpr int tries = 10;  // the holder may remove it just now
    for (int i = 0; i < tries; ++i) {
        PidFile out;
        out.fd_ =
            open(path.c_str(),
                 O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
        if (out.fd_ < 0)
            return fail(Errc::io, because(path));
        if (flock(out.fd_, LOCK_EX | LOCK_NB) != 0)
            return fail(Errc::denied,
                        path + ": already running, pid " + first_line(out.fd_));
        if (!is_our_file(out.fd_, path))
            continue;
        out.path_ = path;
        if (auto written = write_pid(out.fd_, path); !written)
            return fail(written.error());
        if (account && geteuid() == 0 &&
            fchown(out.fd_, account->uid, account->gid) != 0)
            return fail(Errc::io, because(path));
        return out;
    }
    return fail(Errc::io, path + ": is not a file of its own");
}

PidFile::PidFile(PidFile&& other) noexcept
    : path_{std::exchange(other.path_, {})}, fd_{std::exchange(other.fd_, -1)}
{
}

void PidFile::remove()
{
    // The name goes before the lock: whoever takes the lock next makes anew.
    if (!path_.empty())
        unlink(path_.c_str());
    path_.clear();
    if (fd_ >= 0)
        close(std::exchange(fd_, -1));
}

policy::Result<Background> Background::enter()
{
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail(Errc::io, because("pipe"));
    const pid_t child = fork();
    if (child < 0)
        return fail(Errc::io, because("fork"));
    if (child == 0) {
        close(ends[0]);
        setsid();
        return Background{ends[1]};
    }
    close(ends[1]);
    unsigned char code = 70;  // it died without a word: EX_SOFTWARE
    ssize_t n = 0;
    do
        n = read(ends[0], &code, 1);
    while (n < 0 && errno == EINTR);
    _exit(code);
}

void Background::ready()
{
    if (fd_ < 0)
        return;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        dup2(null, fd);
    close(null);
    const unsigned char code = 0;
    [[maybe_unused]] const auto n = write(fd_, &code, 1);
    close(std::exchange(fd_, -1));
}

void Background::failed(int exit_code) const
{
    const auto code = static_cast<unsigned char>(exit_code);
    if (fd_ >= 0) {
        [[maybe_unused]] const auto n = write(fd_, &code, 1);
    }
}

}  // namespace milters::milter
