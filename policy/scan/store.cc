#include "policy/scan/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

namespace policy::scan {
namespace {

using nlohmann::json;

constexpr const char* endings[] = {".eml", ".json", ".release"};

auto io_error(const std::string& what)
{
    const int error = errno;
    return fail(Errc::io, what + ": " + std::strerror(error));
}

bool is_id(std::string_view id)
{
    return !id.empty() && id.size() <= 64 &&
           std::all_of(id.begin(), id.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      (c >= '0' && c <= '9') || c == '-';
           });
}

std::string text_of(const Kept& kept)
{
    const json object{{"id", kept.id},
                      {"when", kept.when.time_since_epoch().count()},
                      {"queue_id", kept.queue_id},
                      {"sender", kept.sender},
                      {"recipients", kept.rcpts},
                      {"client", kept.client},
                      {"auth_user", kept.auth_user},
                      {"subject", kept.subject},
                      {"status", kept.status},
                      {"signature", kept.signature},
                      {"action", kept.action},
                      {"group", kept.group},
                      {"reason", kept.reason},
                      {"size", kept.size},
                      {"whole", kept.whole}};
    return object.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<Kept> kept_of(const std::string& text, const std::string& name)
try {
    const json object = json::parse(text);
    const auto word = [&](const char* key) {
        return object.at(key).get<std::string>();
    };
    Kept kept;
    kept.id = word("id");
    kept.when =
        Seconds{std::chrono::seconds{object.at("when").get<std::int64_t>()}};
    kept.queue_id = word("queue_id");
    kept.sender = word("sender");
    kept.rcpts = object.at("recipients").get<std::vector<std::string>>();
    kept.client = word("client");
    kept.auth_user = word("auth_user");
    kept.subject = word("subject");
    kept.status = word("status");
    kept.signature = word("signature");
    kept.action = word("action");
    kept.group = word("group");
    kept.reason = word("reason");
    kept.size = object.at("size").get<std::uint64_t>();
    kept.whole = object.at("whole").get<bool>();
    return kept;
} catch (const json::exception& e) {
    return fail(Errc::format, name + ": " + e.what());
}

Result<std::string> contents(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    if (!in)
        return fail(errno == ENOENT ? Errc::gone : Errc::io,
                    path + ": " + std::strerror(errno));
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

struct Close {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

}  // namespace

Status write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
            return io_error("write");
        if (n > 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Status Store::prepare() const
{
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        return io_error(folder_);
    if (::access(folder_.c_str(), W_OK | X_OK) != 0)
        return io_error(folder_);
    return {};
}

Status Store::write_file(const std::string& name,
                         const std::function<Status(int fd)>& write) const
{
    const std::string final = folder_ + "/" + name;
    const std::string made = folder_ + "/." + name + ".new";
    const int fd =
        ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(made);
    Status done = write(fd);
    struct stat owner {};
    if (done && ::geteuid() == 0 &&
        (::stat(folder_.c_str(), &owner) != 0 ||
         ::fchown(fd, owner.st_uid, owner.st_gid) != 0))
        done = io_error(made);
    if (done && ::fsync(fd) != 0)
        done = io_error(made);
    if (::close(fd) != 0 && done)
        done = io_error(made);
    if (done && ::rename(made.c_str(), final.c_str()) != 0)
        done = io_error(final);
    if (!done)
        ::unlink(made.c_str());
    return done;
}

Status Store::keep(const Kept& kept,
                   const std::function<Status(int fd)>& write) const
{
    if (auto s = prepare(); !s)
        return s;
    if (write)
        if (auto s = write_file(kept.id + ".eml", write); !s)
            return s;
    Kept told = kept;
    told.whole = static_cast<bool>(write);
    auto s = write_file(kept.id + ".json",
                        [&](int fd) { return write_all(fd, text_of(told)); });
    if (!s)
        ::unlink(path(kept.id, ".eml").c_str());
    return s;
}

Result<Kept> Store::find(const std::string& id) const
{
    if (!is_id(id))
        return fail(Errc::usage, id + ": not an id");
    const auto text = contents(path(id, ".json"));
    if (!text)
        return fail(text.error());
    return kept_of(*text, path(id, ".json"));
}

Result<std::vector<Kept>> Store::list(std::vector<std::string>& problems) const
{
    const std::unique_ptr<DIR, Close> dir{::opendir(folder_.c_str())};
    if (!dir)
        return io_error(folder_);
    std::vector<Kept> out;
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view name{entry->d_name};
        if (!name.ends_with(".json") || name.starts_with("."))
            continue;
        auto kept = find(std::string{name.substr(0, name.size() - 5)});
        if (kept)
            out.push_back(std::move(*kept));
        else if (kept.error().code != Errc::gone)
            problems.push_back(kept.error().text);
    }
    std::sort(out.begin(), out.end(), [](const Kept& a, const Kept& b) {
        return std::tie(a.when, a.id) < std::tie(b.when, b.id);
    });
    return out;
}

Status Store::remove(const std::string& id) const
{
    if (auto kept = find(id); !kept)
        return fail(kept.error());
    for (const char* ending : endings)
        if (::unlink(path(id, ending).c_str()) != 0 && errno != ENOENT)
            return io_error(path(id, ending));
    return {};
}

Result<unsigned> Store::expire(Seconds now, std::chrono::seconds age) const
{
    std::vector<std::string> ignored;
    const auto all = list(ignored);
    if (!all)
        return fail(all.error());
    unsigned count = 0;
    for (const Kept& kept : *all) {
        if (now - kept.when <= age)
            continue;
        if (auto s = remove(kept.id); !s)
            return fail(s.error());
        ++count;
    }
    return count;
}

Result<std::string> Store::grant_release(const std::string& id) const
{
    if (auto kept = find(id); !kept)
        return fail(kept.error());
    unsigned char bytes[16];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return io_error("getrandom");
    std::string word;
    for (const unsigned char b : bytes)
        for (const int half : {b >> 4, b & 15})
            word += "0123456789abcdef"[half];
    ::unlink(path(id, ".release").c_str());
    if (auto s = write_file(id + ".release",
                            [&](int fd) { return write_all(fd, word); });
        !s)
        return fail(s.error());
    return word;
}

bool Store::use_release(std::string_view value) const
{
    const auto blank = value.find(' ');
    const std::string id{value.substr(0, blank)};
    if (blank == std::string_view::npos || !is_id(id))
        return false;
    const auto word = contents(path(id, ".release"));
    return word && word->size() == 32 && *word == value.substr(blank + 1) &&
           ::unlink(path(id, ".release").c_str()) == 0;
}

}  // namespace policy::scan
