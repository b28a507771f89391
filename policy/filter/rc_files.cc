#include "policy/filter/rc_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "policy/filter/open_beneath.h"
#include "policy/filter/smtp_problems.h"
#include "policy/recipe/limits.h"

namespace policy::filter {
namespace {

using recipe::Scope;

/// A file that was changed this short a time ago may be changed once more
/// without showing it in its times.
constexpr std::chrono::milliseconds settling{100};

/// Why a file of this owner and mode is not trusted, "" if it is.
/// Source: procmail(1), NOTES, about suspicious rc files.
std::string suspicious(const struct stat& st, const RcRules& rules)
{
    if (!S_ISREG(st.st_mode))
        return "is not a regular file";
    const uid_t owner = rules.owner.value_or(::geteuid());
    if (st.st_uid != owner && (rules.strictly_owner || st.st_uid != 0))
        return "belongs to somebody else (user " + std::to_string(st.st_uid) +
               ")";
    // Anybody may have given a file of root this name.
    if (rules.scope == Scope::user && st.st_uid != owner && st.st_nlink > 1)
        return "has another name too, and belongs to root";
    if (st.st_mode & S_IWOTH)
        return "can be written by everybody";
    if ((st.st_mode & S_IWGRP) && st.st_gid != 0 &&
        (!rules.group || *rules.group != st.st_gid))
        return "can be written by a group";
    return "";
}

/// The folder of a user's file: who can put another file there?
std::string suspicious_folder(const std::string& path)
{
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    struct stat st {};
    if (::stat(folder.c_str(), &st) != 0)
        return "";
    if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
        return "lies in a folder that everybody can write";
    return "";
}

std::optional<std::string> read_all(int fd, std::size_t most)
{
    std::string text;
    char buffer[64 * 1024];
    for (;;) {
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return std::nullopt;
        if (n == 0 || text.size() > most)
            return text;
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

bool long_ago(const map::FileId& id)
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return now - id.changed > settling;
}

}  // namespace

std::vector<std::string> refusals(const recipe::Plan& plan)
{
    std::vector<std::string> out;
    const auto add = [&](const std::vector<recipe::Problem>& problems) {
        for (const auto& problem : problems)
            if (problem.fatal)
                out.push_back(plan.name() + ":" + std::to_string(problem.line) +
                              ": " + problem.text);
    };
    add(plan.problems());
    add(smtp_problems(plan));
    return out;
}

RcFiles::RcFiles(std::vector<std::string> programs, Alert alert)
    : programs_{std::move(programs)}, alert_{std::move(alert)}
{
}

RcFiles::Loaded RcFiles::load(const std::string& path,
                              const RcRules& rules) const
{
    Loaded out;
    out.got.state = Got::State::broken;
    const auto broken = [&](const std::string& why) {
        out.problems = {path + ": " + why};
        return out;
    };
    const bool of_user = rules.scope == Scope::user;
    const Fd file = open_beneath(path, rules.beneath, of_user);
    if (!file && (errno == ENOENT || errno == ENOTDIR)) {
        out.got.state = Got::State::missing;
        return out;
    }
    if (!file)
        return broken(errno == ELOOP   ? "is or lies behind a symbolic link"
                      : errno == EXDEV ? "lies outside of the folder allowed"
                                       : std::strerror(errno));
    struct stat st {};
    if (::fstat(file.get(), &st) != 0)
        return broken(std::strerror(errno));
    out.id = map::id_of(st);
    out.settled = long_ago(out.id);
    out.got.owner = st.st_uid;
    if (const std::string why = suspicious(st, rules); !why.empty())
        return broken(why);
    if (of_user)
        if (const std::string why = suspicious_folder(path); !why.empty())
            return broken(why);
    const std::size_t most =
        of_user ? recipe::limits::user_rc_bytes : recipe::limits::rc_bytes;
    const auto text = read_all(file.get(), most);
    if (!text)
        return broken(std::strerror(errno));
    if (text->size() > most)
        return broken("is longer than " + std::to_string(most) + " bytes");
    recipe::PlanOptions options;
    options.lean = of_user;
    if (!of_user)
        options.programs = programs_;
    auto plan = recipe::make_plan(*text, path, std::move(options));
    out.problems = refusals(*plan);
    if (!out.problems.empty())
        return out;
    out.got.plan = std::move(plan);
    out.got.state = Got::State::usable;
    return out;
}

RcFiles::Got RcFiles::get(const std::string& path, const RcRules& rules)
{
    struct stat st {};
    const int found = rules.scope == Scope::user ? ::lstat(path.c_str(), &st)
                                                 : ::stat(path.c_str(), &st);
    const bool there = found == 0;
    const map::FileId id = there ? map::id_of(st) : map::FileId{};
    const Key key{path, rules};
    {
        const std::lock_guard lock{mutex_};
        const auto it = entries_.find(key);
        if (it == entries_.end() && !there)
            return {};
        if (it != entries_.end()) {
            Entry& entry = it->second;
            if (entry.known && entry.settled && entry.id == id)
                return entry.got;
            if (entry.loading && entry.got.plan)
                return entry.got;
            entry.loading = true;
        }
    }
    Loaded loaded = load(path, rules);
    if (loaded.id == map::FileId{})
        loaded.id = id;  // it could not even be opened
    const std::lock_guard lock{mutex_};
    make_room_for(key);
    Entry& entry = entries_[key];
    const bool news = !entry.known || !(entry.id == loaded.id);
    entry.known = true;
    entry.loading = false;
    entry.settled = loaded.settled;
    entry.id = loaded.id;
    const bool stays = entry.got.plan != nullptr &&
                       (loaded.got.state == Got::State::broken ||
                        (loaded.got.state == Got::State::missing &&
                         rules.scope == Scope::site));
    if (loaded.got.state == Got::State::missing && stays)
        loaded.problems = {path + ": is gone"};
    if (news)
        tell(path, loaded.problems);
    if (news && stays)
        alert_(path + ": the recipes read before stay in force");
    if (!stays)
        entry.got = loaded.got;
    return entry.got;
}

/// Users change their files as often as they like.
void RcFiles::tell(const std::string& path,
                   const std::vector<std::string>& problems) const
{
    const std::size_t told = std::min(problems.size(), told_problems);
    for (std::size_t i = 0; i < told; ++i)
        alert_(problems[i]);
    if (problems.size() > told)
        alert_(path + ": and " + std::to_string(problems.size() - told) +
               " more mistakes");
}

void RcFiles::make_room_for(const Key& key)
{
    const RcRules& rules = key.second;
    if (rules.scope != Scope::user || entries_.contains(key))
        return;
    const bool included = !rules.beneath.empty();
    std::size_t& count = included ? user_includes_ : user_files_;
    if (++count <= (included ? kept_user_includes : kept_user_files))
        return;
    std::erase_if(entries_, [&](const auto& entry) {
        const RcRules& other = entry.first.second;
        return other.scope == Scope::user && other.beneath.empty() != included;
    });
    count = 1;
}

}  // namespace policy::filter
