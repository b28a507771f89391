// Whether maps and class files are what sendmail will find in them.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "milters/doctor/checks.h"
#include "milters/doctor/child.h"
#include "policy/map/map.h"

namespace milters::doctor {
namespace {

using namespace std::chrono_literals;
using policy::sendmail::Map;

constexpr milliseconds limit = 5s;

/// Map files that sendmail.cf names, with the path as on the disk.
struct MapFile {
    Map map;
    std::string path;  ///< with its ending
    bool there = false;
};

bool exists(const std::string& path)
{
    return ::access(path.c_str(), F_OK) == 0;
}

bool ends_so(const std::string& path, const char* ending)
{
    return path.ends_with(ending);
}

/// The file of a map that makemap or newaliases writes; nullopt for others.
std::optional<MapFile> file_of(const Map& map)
{
    const bool db = map.kind == "hash" || map.kind == "btree";
    const bool any = map.kind == "implicit";
    if ((!db && !any && map.kind != "cdb") || !map.path.starts_with('/'))
        return std::nullopt;
    std::vector<std::string> candidates;
    if (ends_so(map.path, ".db") || ends_so(map.path, ".cdb"))
        candidates = {map.path};
    else if (any)
        candidates = {map.path + ".db", map.path + ".cdb"};
    else
        candidates = {map.path + (db ? ".db" : ".cdb")};
    for (const auto& path : candidates)
        if (exists(path))
            return MapFile{map, path, true};
    return MapFile{map, candidates.front(), false};
}

std::vector<MapFile> map_files(const Host& host)
{
    std::vector<MapFile> all;
    for (const auto& maps : {host.cf.maps(), host.cf.aliases()})
        for (const auto& map : maps)
            if (auto file = file_of(map))
                all.push_back(std::move(*file));
    return all;
}

/// The text that the map is made of; empty if there is none beside it.
std::string text_of(const MapFile& file)
{
    const auto& path = file.map.path;
    const auto text =
        path == file.path ? path.substr(0, path.rfind('.')) : path;
    return exists(text) ? text : "";
}

timespec written(const std::string& path)
{
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 ? st.st_mtim : timespec{};
}

bool older(const std::string& one, const std::string& other)
{
    const auto a = written(one);
    const auto b = written(other);
    return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

std::string how_to_make(const MapFile& file)
{
    if (file.map.name == "aliases")
        return "run newaliases";
    auto path = file.map.path;
    if (path == file.path)
        path.erase(path.rfind('.'));
    return "run `make maps', or makemap " + file.map.kind + " " + path + " < " +
           path;
}

/// By the MTA's rights.  @return empty, or why it cannot be read
std::string readable(const Host& host, const std::string& path)
{
    const auto said = in_child(limit, host.mta, [&] {
        return ::access(path.c_str(), R_OK) == 0 ? std::string{}
                                                 : std::strerror(errno);
    });
    return said ? *said : said.error().text;
}

std::string why_unreadable(const Host& host, const MapFile& file)
{
    if (!file.there)
        return file.map.optional ? "" : std::strerror(ENOENT);
    if (auto why = readable(host, file.path); !why.empty())
        return why;
    const auto read = policy::map::open_file(file.path, false)->current();
    return read ? "" : read.error().text;
}

}  // namespace

Findings stale_map(const Host& host)
{
    Findings found;
    for (const auto& file : map_files(host)) {
        const auto text = text_of(file);
        if (!file.there || text.empty() || !older(file.path, text))
            continue;
        found.push_back({{text},
                         "changed after " + file.path +
                             " was made: sendmail does not know the change",
                         how_to_make(file)});
    }
    return found;
}

Findings unreadable_map(const Host& host)
{
    Findings found;
    for (const auto& file : map_files(host))
        if (const auto why = why_unreadable(host, file); !why.empty())
            found.push_back(
                {host.at(file.map.line),
                 "the map " + file.map.name + " cannot be read: " + file.path +
                     ": " + why,
                 how_to_make(file) + "; sendmail must be able to read it"});
    for (const auto& file : host.cf.class_files()) {
        const auto why = readable(host, file.path);
        const bool gone = !exists(file.path);
        if (!why.empty() && !(gone && file.optional))
            found.push_back(
                {host.at(file.line),
                 "the file of class " + file.name +
                     " cannot be read: " + file.path + ": " + why,
                 gone ? "make it, empty if need be" : "let sendmail read it"});
    }
    return found;
}

Findings missing_optional_map(const Host& host)
{
    Findings found;
    for (const auto& file : map_files(host))
        if (!file.there && file.map.optional)
            found.push_back(
                {host.at(file.map.line),
                 "the map " + file.map.name +
                     " is not there and, by -o, silently empty: " + file.path,
                 how_to_make(file) + ", and take -o away"});
    return found;
}

}  // namespace milters::doctor
