#include "milters/scanner/sandbox.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "milters/scanner/channel.h"

namespace milters::scanner {
namespace {

using policy::Errc;
using policy::Status;

Status failed(const std::string& what)
{
    const int error = errno;
    return policy::fail(Errc::denied,
                        "sandbox: " + what + ": " + std::strerror(error));
}

// --- resource limits ---

/// Bytes of address space in use (proc(5), statm).
std::uint64_t address_space()
{
    std::ifstream in{"/proc/self/statm"};
    std::uint64_t pages = 0;
    in >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Status limit(__rlimit_resource what, std::uint64_t value)
{
    rlimit now{};
    ::getrlimit(what, &now);
    const rlim_t bound = std::min<rlim_t>(value, now.rlim_max);
    const rlimit both{bound, bound};
    if (::setrlimit(what, &both) != 0)
        return failed("setrlimit");
    return {};
}

Status set_limits(const Sandbox& sandbox)
{
    if (auto s = limit(RLIMIT_CORE, 0); !s)
        return s;
    if (auto s = limit(RLIMIT_NOFILE, 256); !s)
        return s;
    if (sandbox.file_size)
        if (auto s = limit(RLIMIT_FSIZE, sandbox.file_size); !s)
            return s;
    if (sandbox.memory)
        return limit(RLIMIT_AS, address_space() + sandbox.memory);
    return {};
}

// --- user ---

Status become(const UserId& user)
{
    if (::setgroups(0, nullptr) != 0 ||
        ::setresgid(user.gid, user.gid, user.gid) != 0 ||
        ::setresuid(user.uid, user.uid, user.uid) != 0)
        return failed("change of user");
    if (user.uid != 0 && ::setuid(0) == 0)
        return policy::fail(Errc::denied, "sandbox: root could be had back");
    return {};
}

/// Whoever has a user namespace of his own has all capabilities in it.
Status drop_capabilities()
{
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
    if (::syscall(SYS_capset, &header, none) != 0)
        return failed("capset");
    return {};
}

// --- Landlock ---

constexpr std::uint64_t all_of_v1 =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr std::uint64_t reading =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t unpacking =
    reading | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG;
/// Since version 3; older headers do not name it.
constexpr std::uint64_t truncating = 1ULL << 14;

Status allow_below(int ruleset, const std::string& path, std::uint64_t rights)
{
    const Fd dir{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!dir)
        return errno == ENOENT ? Status{} : failed(path);
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = dir.get();
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH,
                  &rule, 0) != 0)
        return failed("landlock_add_rule " + path);
    return {};
}

/// Where iconv(3) loads character sets from, beside the C library.
std::string gconv_dir()
{
    Dl_info info{};
    if (!::dladdr(reinterpret_cast<const void*>(&::strlen), &info) ||
        !info.dli_fname)
        return {};
    const std::string file = info.dli_fname;
    const auto slash = file.rfind('/');
    return slash == std::string::npos ? "" : file.substr(0, slash) + "/gconv";
}

Status restrict_files(const std::string& temp_dir)
{
    const int version = landlock_version();
    if (version < 1)
        return {};  // the kernel has none: user and system calls must do
    const std::uint64_t more = version >= 3 ? truncating : 0;
    landlock_ruleset_attr attr{};
    attr.handled_access_fs = all_of_v1 | more;
    const Fd ruleset{static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0))};
    if (!ruleset)
        return failed("landlock_create_ruleset");
    if (!temp_dir.empty())
        if (auto s = allow_below(ruleset.get(), temp_dir, unpacking | more); !s)
            return s;
    if (const std::string gconv = gconv_dir(); !gconv.empty())
        if (auto s = allow_below(ruleset.get(), gconv,
                                 reading | LANDLOCK_ACCESS_FS_EXECUTE);
            !s)
            return s;
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return failed("landlock_restrict_self");
    return {};
}

// --- system calls ---

/// What libclamav, the C library and our own loop need.  Nothing here makes a
/// process, a socket, or a change outside of files that are already open or
/// that Landlock and the user allow.
constexpr const char* allowed[] = {
    // memory
    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier",
    "rseq", "set_robust_list", "get_robust_list",
    // files
    "read", "readv", "pread64", "preadv", "write", "writev", "pwrite64",
    "pwritev", "lseek", "open", "openat", "close", "dup", "dup2", "dup3",
    "fcntl", "stat", "fstat", "lstat", "newfstatat", "statx", "fstatfs",
    "statfs", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
    "getdents", "getdents64", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat",
    "rename", "renameat", "renameat2", "ftruncate", "fsync", "fdatasync",
    "fallocate", "fadvise64", "flock", "umask", "getcwd", "copy_file_range",
    "sendfile",
    // the one socket that is open
    "sendmsg", "recvmsg", "poll", "ppoll", "select", "pselect6",
    // time, signals of its own, identity
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
    "gettimeofday", "time", "times", "setitimer", "getitimer", "alarm",
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "restart_syscall", "getpid", "getppid", "gettid", "getuid", "geteuid",
    "getgid", "getegid", "getrusage", "uname", "sysinfo", "getrandom",
    "sched_yield", "sched_getaffinity", "getcpu", "futex", "getrlimit", "exit",
    "exit_group"};

/// libclamav sets the modes and times of what it unpacks, which need neither.
/// Landlock does not guard these, so they are not done, and said to be done.
constexpr const char* pretended[] = {"chmod",     "fchmodat", "fchmod",
                                     "utimensat", "utime",    "utimes"};

struct FilterRelease {
    void operator()(void* filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterRelease>;

int add(const Filter& filter, const char* name, std::uint32_t action)
{
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;  // another machine's system call
    return seccomp_rule_add(filter.get(), action, number, 0);
}

/// True for calls whose argument `number` (from 0) is `value`.
scmp_arg_cmp argument_is(unsigned number, scmp_datum_t value)
{
    return {number, SCMP_CMP_EQ, value, 0};
}

/// abort(3) must be able to end the process: a signal, but to itself alone.
int allow_own_end(const Filter& filter)
{
    const auto self = static_cast<scmp_datum_t>(::getpid());
    const int rc = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW,
                                    SCMP_SYS(tgkill), 1, argument_is(0, self));
    if (rc != 0)
        return rc;
    // Asking about limits is fine, changing them is not; isatty(3) asks too.
    const int asked =
        seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                         argument_is(2, 0));
    if (asked != 0)
        return asked;
    return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                            argument_is(1, TCGETS));
}

Status restrict_calls()
{
    const Filter filter{seccomp_init(SCMP_ACT_KILL_PROCESS)};
    if (!filter)
        return policy::fail(Errc::denied, "sandbox: no seccomp filter");
    int rc = allow_own_end(filter);
    for (const char* name : allowed)
        if (rc == 0)
            rc = add(filter, name, SCMP_ACT_ALLOW);
    for (const char* name : pretended)
        if (rc == 0)
            rc = add(filter, name, SCMP_ACT_ERRNO(0));
    if (rc == 0)
        rc = seccomp_load(filter.get());
    if (rc != 0)
        return policy::fail(Errc::denied, std::string{"sandbox: seccomp: "} +
                                              std::strerror(-rc));
    return {};
}

}  // namespace

int landlock_version()
{
    const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0,
                                   LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : static_cast<int>(version);
}

Status enter(const Sandbox& sandbox)
{
    if (auto s = set_limits(sandbox); !s)
        return s;
    if (sandbox.user)
        if (auto s = become(*sandbox.user); !s)
            return s;
    if (auto s = drop_capabilities(); !s)
        return s;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return failed("prctl");
    if (auto s = restrict_files(sandbox.temp_dir); !s)
        return s;
    return restrict_calls();
}

}  // namespace milters::scanner
