// A scanning library that a hostile file has taken over: loaded before
// libclamav, it does what the message asks for and then scans as usual.
//
//     X-Captured: once socket      in the first worker only
//     X-Captured: always crash     in every worker
//
// Words: socket exec fork kill write (what the sandbox stops), crash hang
// memory (what a worker can die of), fill (unpacks small files without end).
#include <clamav.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

namespace {

std::string head_of(int fd)
{
    std::string head(4096, '\0');
    const ssize_t n = ::pread(fd, head.data(), head.size(), 0);
    head.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return head;
}

void exec()
{
    char name[] = "true";
    char* const arguments[] = {name, nullptr};
    ::execv("/bin/true", arguments);
}

/// /tmp/captured would tell that it was possible.
void write_elsewhere()
{
    const int fd = ::open("/tmp/captured", O_WRONLY | O_CREAT, 0666);
    if (fd >= 0)
        ::close(fd);
}

void crash()
{
    *static_cast<volatile int*>(nullptr) = 1;
}

void hang()
{
    for (;;)
        ::usleep(1000);
}

/// Until there is no more, as a library that trusts sizes in a file does.
void take_memory()
{
    for (;;) {
        void* const block = std::malloc(1 << 20);
        if (!block)
            std::abort();
        std::memset(block, 1, 1 << 20);
    }
}

void fill(const std::string& folder)
{
    const std::string block(4096, 'x');
    for (int i = 0; i < 1'000'000; ++i) {
        const std::string name = folder + "/" + std::to_string(i);
        const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT, 0600);
        if (fd < 0 || ::write(fd, block.data(), block.size()) < 0)
            return;
        ::close(fd);
    }
}

void obey(const std::string& word, const std::string& folder)
{
    const std::map<std::string, std::function<void()>> words = {
        {"socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
        {"exec", exec},
        {"fork", [] { static_cast<void>(::fork()); }},
        {"kill", [] { ::kill(::getppid(), SIGKILL); }},
        {"write", write_elsewhere},
        {"crash", crash},
        {"hang", hang},
        {"memory", take_memory},
        {"fill", [&] { fill(folder); }}};
    if (const auto found = words.find(word); found != words.end())
        found->second();
}

/// The word after `X-Captured: once ` or `always `, if it is for this worker.
std::string order(const std::string& head, const std::string& folder)
{
    const bool first = folder.ends_with(".1");
    for (const std::string mark :
         {"X-Captured: always ", "X-Captured: once "}) {
        const auto at = head.find(mark);
        if (at != head.npos && (first || mark.ends_with("always ")))
            return head.substr(at + mark.size(),
                               head.find('\r', at) - at - mark.size());
    }
    return {};
}

}  // namespace

extern "C" cl_error_t cl_scandesc_callback(
    int fd, const char* filename, const char** virname, unsigned long* scanned,
    const cl_engine* engine, cl_scan_options* options, void* context)
{
    const char* const set =
        cl_engine_get_str(engine, CL_ENGINE_TMPDIR, nullptr);
    const std::string folder = set ? set : "";
    obey(order(head_of(fd), folder), folder);
    using Scan = decltype(&cl_scandesc_callback);
    static const auto real =
        reinterpret_cast<Scan>(::dlsym(RTLD_NEXT, "cl_scandesc_callback"));
    return real(fd, filename, virname, scanned, engine, options, context);
}
