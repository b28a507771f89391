#include "policy/map/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "policy/map/bdb185.h"
#include "policy/map/bdb_pages.h"
#include "policy/map/cdb_map.h"
#include "policy/map/table.h"

namespace policy::map {
namespace {

using namespace std::chrono_literals;

/// A writer that keeps LOCK_EX is waited for that long when there is no
/// earlier reading to answer from.
constexpr auto lock_wait = 5s;
constexpr auto lock_poll = 2ms;

/// Two changes within one tick of the kernel's clock leave the same times, so
/// a file that was read so soon after its change is read once again.
constexpr auto clock_tick = 30ms;

std::string error_text(const std::string& path, int error)
{
    return path + ": " + std::generic_category().message(error);
}

struct Fd {
    int fd;
    explicit Fd(int f) : fd{f} {}
    ~Fd()
    {
        if (fd >= 0)
            close(fd);
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
};

Result<FileId> stat_path(const std::string& path)
{
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) {
        const int e = errno;
        return fail(e == ENOENT ? Errc::gone : Errc::io, error_text(path, e));
    }
    return id_of(st);
}

/// Takes LOCK_SH, polling: flock has no deadline of its own.
Status lock_shared(int fd, const std::string& path,
                   std::chrono::milliseconds wait)
{
    const auto end = std::chrono::steady_clock::now() + wait;
    while (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        const int e = errno;
        if (e != EWOULDBLOCK && e != EINTR)
            return fail(Errc::io, error_text(path, e));
        if (std::chrono::steady_clock::now() >= end)
            return fail(Errc::timeout, path + ": locked by a writer");
        std::this_thread::sleep_for(lock_poll);
    }
    return {};
}

Result<std::string> read_all(int fd, std::size_t size, const std::string& path)
{
    std::string octets(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const ssize_t n = pread(fd, octets.data() + have, size - have,
                                static_cast<off_t>(have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(Errc::io, error_text(path, errno));
        if (n == 0)
            break;  // shrunk by a writer without lock: the caller sees it
        have += static_cast<std::size_t>(n);
    }
    return octets;
}

std::string_view without_nul(std::string_view octets)
{
    return octets.substr(0, octets.size() - 1);
}

Result<std::shared_ptr<const Snapshot>> collect(
    std::string_view octets,
    Status (*visit_file)(std::string_view, const Visit&))
{
    Table::Builder table;
    const auto walked =
        visit_file(octets, [&table](std::string_view k, std::string_view v) {
            if (!k.empty() && k.back() == '\0') {
                k = without_nul(k);
                if (!v.empty() && v.back() == '\0')
                    v = without_nul(v);
            }
            table.add(k, v);
        });
    if (!walked)
        return fail(walked.error());
    return std::move(table).finish();
}

bool ends_with(std::string_view text, std::string_view tail)
{
    return text.size() >= tail.size() &&
           text.substr(text.size() - tail.size()) == tail;
}

class FileSource final : public Source {
public:
    FileSource(std::string path, bool optional)
        : optional_{optional}, name_{std::move(path)}
    {
        if (!ends_with(name_, ".db") && !ends_with(name_, ".cdb")) {
            alternative_ = name_ + ".cdb";
            name_ += ".db";
        }
    }
    Result<std::shared_ptr<const Snapshot>> current() override;
    const std::string& name() const override { return name_; }

private:
    using Answer = Result<std::shared_ptr<const Snapshot>>;

    std::optional<Answer> remembered(const FileId& now);
    Answer load(const std::string& path, const FileId& now);
    Answer missing(const Error& error);

    bool optional_;
    std::string name_, alternative_;

    std::mutex loading_;  ///< taken first; one thread reads the file
    std::mutex mutex_;    ///< guards what is below; never held for long
    std::optional<Answer> answer_;
    FileId id_;
    bool settled_ = false;
    std::chrono::steady_clock::time_point loaded_;
};

FileSource::Answer FileSource::current()
{
    const std::string* path = &name_;
    auto now = stat_path(*path);
    if (!now && now.error().code == Errc::gone && !alternative_.empty()) {
        auto other = stat_path(alternative_);
        if (other || other.error().code != Errc::gone) {
            path = &alternative_;
            now = std::move(other);
        }
    }
    if (!now)
        return missing(now.error());
    if (auto known = remembered(*now))
        return *known;
    const std::lock_guard one_reader{loading_};
    if (auto known = remembered(*now))
        return *known;
    return load(*path, *now);
}

FileSource::Answer FileSource::missing(const Error& error)
{
    if (!optional_ || error.code != Errc::gone)
        return fail(error);
    return Table::Builder{}.finish();
}

/// The answer of the last reading if it is of this state of the file.
std::optional<FileSource::Answer> FileSource::remembered(const FileId& now)
{
    const std::lock_guard lock{mutex_};
    if (!answer_ || id_ != now)
        return std::nullopt;
    if (!settled_ && std::chrono::steady_clock::now() - loaded_ > clock_tick)
        return std::nullopt;
    return answer_;
}

FileSource::Answer FileSource::load(const std::string& path, const FileId& now)
{
    const bool have_old = [this] {
        const std::lock_guard lock{mutex_};
        return answer_ && *answer_;
    }();
    const auto reading = read_locked(
        path, have_old ? 0ms : std::chrono::milliseconds{lock_wait});
    if (!reading && reading.error().code == Errc::gone)
        return missing(reading.error());
    if (!reading && reading.error().code == Errc::timeout && have_old) {
        const std::lock_guard lock{mutex_};
        return *answer_;  // the writer has not finished: the old entries
    }
    Answer answer = reading ? parse_file(reading->octets, path)
                            : Answer{fail(reading.error())};
    const auto clock = std::chrono::system_clock::now().time_since_epoch();
    const std::lock_guard lock{mutex_};
    id_ = reading ? reading->id : now;
    answer_ = answer;
    loaded_ = std::chrono::steady_clock::now();
    settled_ = reading && clock - id_.changed > clock_tick;
    return answer;
}

}  // namespace

FileId id_of(const struct stat& st)
{
    const auto ns = [](const timespec& t) {
        return std::chrono::seconds{t.tv_sec} +
               std::chrono::nanoseconds{t.tv_nsec};
    };
    return {st.st_dev, st.st_ino, st.st_size, ns(st.st_mtim), ns(st.st_ctim)};
}

Result<Reading> read_locked(const std::string& path,
                            std::chrono::milliseconds wait)
{
    constexpr int max_changes = 100;
    for (int i = 0; i < max_changes; ++i) {
        const Fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
        if (file.fd < 0) {
            const int e = errno;
            return fail(e == ENOENT ? Errc::gone : Errc::io,
                        error_text(path, e));
        }
        if (const auto locked = lock_shared(file.fd, path, wait); !locked)
            return fail(locked.error());
        struct stat st {};
        if (fstat(file.fd, &st) != 0)
            return fail(Errc::io, error_text(path, errno));
        if (!S_ISREG(st.st_mode))
            return fail(Errc::io, path + ": not a regular file");
        const auto named = stat_path(path);
        if (!named || named->device != st.st_dev || named->inode != st.st_ino)
            continue;  // replaced meanwhile: the other one is the map
        auto octets =
            read_all(file.fd, static_cast<std::size_t>(st.st_size), path);
        if (!octets)
            return fail(octets.error());
        struct stat after {};
        if (fstat(file.fd, &after) != 0)
            return fail(Errc::io, error_text(path, errno));
        if (id_of(after) == id_of(st))
            return Reading{id_of(st), std::move(*octets)};
    }
    return fail(Errc::timeout, path + ": does not stop changing");
}

Result<std::shared_ptr<const Snapshot>> parse_file(std::string_view octets,
                                                   const std::string& path)
{
    auto parsed = [&]() -> Result<std::shared_ptr<const Snapshot>> {
        if (octets.empty())
            return fail(Errc::format, "empty file, not a map; rebuild it");
        if (is_bdb(octets))
            return collect(octets, [](std::string_view o, const Visit& v) {
                return visit_bdb(o, v);
            });
        if (is_bdb185(octets))
            return collect(octets, visit_bdb185);
        if (ends_with(path, ".cdb"))
            return collect(octets, visit_cdb);
        return fail(Errc::format, "not a map that makemap writes");
    }();
    if (!parsed)
        return fail(parsed.error().code, path + ": " + parsed.error().text);
    return parsed;
}

Status check_writable(std::string_view octets, const std::string& path)
{
    if (!is_bdb(octets)) {
        const auto read = parse_file(octets, path);
        return fail(Errc::format,
                    read ? path +
                               ": can be read but not written, as it is no "
                               "Berkeley DB file of libdb"
                         : read.error().text);
    }
    const auto whole =
        visit_bdb(octets, [](std::string_view, std::string_view) {});
    return whole ? whole : fail(Errc::format, path + ": " + whole.error().text);
}

std::unique_ptr<Source> open_file(std::string path, bool optional)
{
    return std::make_unique<FileSource>(std::move(path), optional);
}

}  // namespace policy::map
