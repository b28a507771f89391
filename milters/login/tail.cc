#include "milters/login/tail.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

namespace milters::login {

using policy::Fd;

namespace {

constexpr std::string_view state_version = "postern-follow 1";
constexpr std::size_t head_octets = 128;
constexpr std::size_t chunk = 64 * 1024;

auto failed(const std::string& path, const char* what)
{
    const int e = errno;
    return policy::fail(policy::Errc::io,
                        path + ": " + what + ": " + std::strerror(e));
}

/// FNV-1a of the first `size` octets; 0 if there are fewer or none.
std::uint64_t head_of(int fd, std::size_t size)
{
    if (size == 0)
        return 0;
    std::array<char, head_octets> buffer{};
    const ssize_t got = pread(fd, buffer.data(), size, 0);
    if (got < 0 || static_cast<std::size_t>(got) != size)
        return 0;
    std::uint64_t hash = 0xcbf29ce484222325;
    for (std::size_t i = 0; i < size; ++i) {
        hash ^= static_cast<unsigned char>(buffer[i]);
        hash *= 0x100000001b3;
    }
    return hash;
}

/// Lets the head grow with what has been read.
void update_head(int fd, Place& place)
{
    const auto size =
        std::min(head_octets, static_cast<std::size_t>(place.offset));
    if (place.head_size == size)
        return;
    place.head_size = size;
    place.head = head_of(fd, size);
}

bool same_file(const Place& saved, const struct stat& st, int fd)
{
    return saved.dev == st.st_dev && saved.ino == st.st_ino &&
           st.st_size >= saved.offset &&
           head_of(fd, saved.head_size) == saved.head;
}

std::string directory_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    return slash == path.npos ? "." : path.substr(0, slash + 1);
}

/// What the names of rotated files begin with: `mail` of `mail.log`.
std::string stem_of(const std::string& path)
{
    const std::string base = path.substr(path.rfind('/') + 1);
    const auto dot = base.rfind('.');
    return dot == 0 ? base : base.substr(0, dot);
}

struct DirClose {
    void operator()(DIR* dir) const noexcept { closedir(dir); }
};

std::string first_line(const std::string& path)
{
    std::ifstream in{path};
    std::string line;
    std::getline(in, line);
    return line;
}

policy::Status write_all(int fd, std::string_view text, const std::string& path)
{
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(path, "write");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

}  // namespace

std::string to_text(const Place& place)
{
    std::ostringstream out;
    out << state_version << ' ' << place.dev << ' ' << place.ino << ' '
        << place.offset << ' ' << place.head_size << ' ' << place.head << '\n';
    return out.str();
}

std::optional<Place> place_from(std::string_view text)
{
    if (!text.starts_with(state_version))
        return std::nullopt;
    std::istringstream in{std::string{text.substr(state_version.size())}};
    Place p;
    in >> p.dev >> p.ino >> p.offset >> p.head_size >> p.head;
    if (!in || p.offset < 0 || p.head_size > head_octets)
        return std::nullopt;
    return p;
}

Tail::Tail(std::string path, std::string state_file)
    : path_{std::move(path)}, state_file_{std::move(state_file)}
{
}

policy::Result<std::optional<Tail::Open>> Tail::open(const std::string& path,
                                                     off_t offset) const
{
    Fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    if (!fd) {
        if (errno == ENOENT)
            return std::optional<Open>{};
        return failed(path, "open");
    }
    struct stat st {};
    if (fstat(fd.get(), &st) != 0)
        return failed(path, "stat");
    if (!S_ISREG(st.st_mode))
        return policy::fail(policy::Errc::denied, path + ": no regular file");
    Open file{std::move(fd)};
    file.place.dev = st.st_dev;
    file.place.ino = st.st_ino;
    start_at(file, offset < 0 ? st.st_size : offset);
    return std::optional<Open>{std::move(file)};
}

/// Within a line it waits for the next: nobody shall choose where one begins.
void Tail::start_at(Open& file, off_t offset)
{
    char before = '\n';
    if (offset > 0 && pread(file.fd.get(), &before, 1, offset - 1) != 1)
        offset = 0;
    file.place.offset = offset;
    file.place.head_size = 0;
    file.partial.clear();
    file.skip = offset > 0 && before != '\n';
    update_head(file.fd.get(), file.place);
}

policy::Status Tail::begin()
{
    if (!state_file_.empty())
        saved_ = place_from(first_line(state_file_));
    if (saved_)
        return resume(*saved_);
    auto current = open(path_, -1);
    if (!current)
        return policy::fail(current.error());
    if (*current) {
        (*current)->live = true;
        files_.push_back(std::move(**current));
    }
    return {};
}

policy::Status Tail::resume(const Place& saved)
{
    auto current = open(path_, 0);
    if (!current)
        return policy::fail(current.error());
    struct stat st {};
    if (*current && fstat((*current)->fd.get(), &st) == 0 &&
        same_file(saved, st, (*current)->fd.get()))
        start_at(**current, saved.offset);
    else if (auto old = find_rotated(saved))
        files_.push_back(std::move(*old));
    if (*current)
        files_.push_back(std::move(**current));
    return {};
}

std::optional<Tail::Open> Tail::find_rotated(const Place& saved) const
{
    const std::string directory = directory_of(path_);
    const std::string stem = stem_of(path_);
    const std::unique_ptr<DIR, DirClose> dir{opendir(directory.c_str())};
    while (const dirent* entry = dir ? readdir(dir.get()) : nullptr) {
        if (!std::string_view{entry->d_name}.starts_with(stem))
            continue;
        auto file = open(directory + "/" + entry->d_name, 0);
        struct stat st {};
        if (file && *file && fstat((*file)->fd.get(), &st) == 0 &&
            same_file(saved, st, (*file)->fd.get())) {
            start_at(**file, saved.offset);
            return std::move(*file);
        }
    }
    return std::nullopt;
}

bool Tail::truncated(Open& file)
{
    struct stat st {};
    return fstat(file.fd.get(), &st) != 0 || st.st_size < file.place.offset ||
           head_of(file.fd.get(), file.place.head_size) != file.place.head;
}

void Tail::feed(Open& file, std::string_view octets, const Line& line)
{
    while (!octets.empty()) {
        const auto end = octets.find('\n');
        const auto piece = octets.substr(0, end);
        if (!file.skip)
            file.partial += piece;
        if (file.partial.size() > max_line) {
            file.partial.clear();
            file.skip = true;
        }
        if (end == octets.npos)
            return;
        if (!file.skip)
            line(file.partial, file.live);
        file.partial.clear();
        file.skip = false;
        octets.remove_prefix(end + 1);
    }
}

std::size_t Tail::read(Open& file, const Line& line, std::size_t budget)
{
    if (truncated(file)) {
        start_at(file, 0);
        file.live = false;
    }
    std::size_t total = 0;
    std::string buffer(chunk, '\0');
    while (total < budget) {
        const ssize_t n = pread(file.fd.get(), buffer.data(), buffer.size(),
                                file.place.offset);
        if (n <= 0)
            break;
        const auto size = static_cast<std::size_t>(n);
        file.place.offset += n;
        total += size;
        update_head(file.fd.get(), file.place);
        feed(file, {buffer.data(), size}, line);
    }
    if (total < budget)
        file.live = true;
    return total;
}

policy::Status Tail::follow_rename()
{
    struct stat st {};
    if (stat(path_.c_str(), &st) != 0)
        return {};
    if (!files_.empty() && files_.back().place.dev == st.st_dev &&
        files_.back().place.ino == st.st_ino)
        return {};
    auto current = open(path_, 0);
    if (!current)
        return policy::fail(current.error());
    if (*current) {
        files_.push_back(std::move(**current));
        ++generation_;
    }
    return {};
}

/// A renamed file is still read for a while.
void Tail::drop_old(policy::Seconds now)
{
    for (std::size_t i = 0; i + 1 < files_.size(); ++i)
        if (!files_[i].renamed)
            files_[i].renamed = now;
    std::erase_if(files_, [&](const Open& f) {
        return f.renamed && now - *f.renamed > linger;
    });
}

policy::Result<Tail::Outcome> Tail::poll(const Line& line, policy::Seconds now,
                                         std::size_t budget)
{
    if (!begun_) {
        if (auto status = begin(); !status)
            return policy::fail(status.error());
        begun_ = true;
    }
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const std::size_t got = read(files_[i], line, budget);
        if (got >= budget)
            return Outcome::more;
        budget -= got;
    }
    const std::size_t before = files_.size();
    if (auto status = follow_rename(); !status)
        return policy::fail(status.error());
    if (files_.size() > before)
        return Outcome::more;
    drop_old(now);
    return files_.empty() ? Outcome::absent : Outcome::idle;
}

policy::Status Tail::save()
{
    if (state_file_.empty() || files_.empty())
        return {};
    Place place = files_.back().place;
    place.offset -= static_cast<off_t>(files_.back().partial.size());
    if (saved_ == place)
        return {};
    const std::string temp = state_file_ + ".new";
    Fd fd{::open(temp.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!fd)
        return failed(temp, "open");
    if (auto status = write_all(fd.get(), to_text(place), temp); !status)
        return status;
    if (std::rename(temp.c_str(), state_file_.c_str()) != 0)
        return failed(state_file_, "rename");
    saved_ = place;
    return {};
}

}  // namespace milters::login
