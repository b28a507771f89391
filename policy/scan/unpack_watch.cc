#include "policy/scan/unpack_watch.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace {

thread_local char first[160];

/// Keeps errno.
void remember(const char* call, int error)
{
    if (first[0] == '\0')
        std::snprintf(first, sizeof first, "%s: %s", call,
                      error ? std::strerror(error) : "failed");
    errno = error;
}

template <class T>
T watched(const char* call, T result)
{
    if (result == static_cast<T>(-1) && errno != EINTR && errno != EAGAIN)
        remember(call, errno);
    return result;
}

/// Files that are not there, or not for us, are asked for in vain all the
/// time; what should be made must be made.
int watched_open(int result, int flags)
{
    const bool out_of_files =
        errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO;
    if (result < 0 && (out_of_files || ((flags & O_CREAT) && errno != EEXIST &&
                                        errno != EINTR)))
        remember("open", errno);
    return result;
}

mode_t mode_of(int flags, std::va_list& arguments)
{
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

using Close = int (*)(std::FILE*);

Close next_fclose()
{
    static const auto next =
        reinterpret_cast<Close>(::dlsym(RTLD_NEXT, "fclose"));
    return next;
}

}  // namespace

extern "C" {

/// The names that libclamav asks the dynamic linker for.
ssize_t watch_write(int fd, const void* bytes, size_t size) __asm__("write");
ssize_t watch_pwrite(int fd, const void* bytes, size_t size,
                     off64_t at) __asm__("pwrite64");
int watch_open(const char* path, int flags, ...) __asm__("open64");
int watch_openat(int dir, const char* path, int flags, ...) __asm__("openat64");
int watch_mkdir(const char* path, mode_t mode) __asm__("mkdir");
void* watch_mmap(void* at, size_t size, int rights, int flags, int fd,
                 off64_t from) __asm__("mmap64");
int watch_fclose(std::FILE* file) __asm__("fclose");

ssize_t watch_write(int fd, const void* bytes, size_t size)
{
    return watched("write", ::syscall(SYS_write, fd, bytes, size));
}

ssize_t watch_pwrite(int fd, const void* bytes, size_t size, off64_t at)
{
    return watched("write", ::syscall(SYS_pwrite64, fd, bytes, size, at));
}

int watch_open(const char* path, int flags, ...)
{
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return watched_open(
        static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode)),
        flags);
}

int watch_openat(int dir, const char* path, int flags, ...)
{
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    return watched_open(
        static_cast<int>(::syscall(SYS_openat, dir, path, flags, mode)), flags);
}

int watch_mkdir(const char* path, mode_t mode)
{
    const auto result =
        static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    if (result != 0 && errno != EEXIST)
        remember("mkdir", errno);
    return result;
}

void* watch_mmap(void* at, size_t size, int rights, int flags, int fd,
                 off64_t from)
{
    return reinterpret_cast<void*>(watched(
        "mmap", ::syscall(SYS_mmap, at, size, rights, flags, fd, from)));
}

/// The error of an earlier write stays with the stream until here.
int watch_fclose(std::FILE* file)
{
    const bool wrote_badly = std::ferror(file) != 0;
    const int result = next_fclose()(file);
    if (result != 0)
        remember("write", errno);
    else if (wrote_badly)
        remember("write", 0);
    return result;
}
}

namespace policy::scan {

UnpackWatch::UnpackWatch()
{
    first[0] = '\0';
}

const char* UnpackWatch::failure() const
{
    return first[0] ? first : nullptr;
}

bool UnpackWatch::works()
{
    const UnpackWatch watch;
    // As a library calls them: by the dynamic linker.
    const auto make = reinterpret_cast<int (*)(const char*, mode_t)>(
        ::dlsym(RTLD_DEFAULT, "mkdir"));
    return next_fclose() && make && make("/proc/none/none", 0700) != 0 &&
           watch.failure();
}

}  // namespace policy::scan
