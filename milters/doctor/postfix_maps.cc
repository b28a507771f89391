// The maps that main.cf and master.cf name, and who may write what they need.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "milters/doctor/postfix.h"
#include "milters/doctor/upkeep.h"
#include "policy/map/map.h"

namespace milters::doctor {
namespace {

/// `hash:/etc/postfix/virtual` somewhere in a setting.
struct NamedMap {
    Place place;
    std::string kind;
    std::string path;  ///< as it is written
    std::string file;  ///< with its ending
};

bool is_file(const std::string& kind)
{
    return kind == "hash" || kind == "btree" || kind == "cdb" ||
           kind == "lmdb" || kind == "dbm";
}

std::string ending(const std::string& kind)
{
    return kind == "cdb" ? ".cdb" : kind == "lmdb" ? ".lmdb" : ".db";
}

void add_maps(const policy::postfix::Settings& settings,
              std::vector<NamedMap>& all)
{
    for (const auto& [name, setting] : settings.all())
        for (auto word : settings.words(name)) {
            if (word.starts_with("proxy:"))
                word.erase(0, 6);
            const auto colon = word.find(':');
            const auto kind = word.substr(0, colon);
            const auto path = colon == word.npos ? "" : word.substr(colon + 1);
            if (is_file(kind) && path.starts_with('/'))
                all.push_back({{setting.file, setting.line},
                               kind,
                               path,
                               path + ending(kind)});
        }
}

std::vector<NamedMap> maps_of(const PostfixHost& host)
{
    std::vector<NamedMap> all, once;
    add_maps(host.settings, all);
    for (const auto& server : host.servers)
        add_maps(server.settings, all);
    std::set<std::string> seen;
    for (auto& map : all)
        if (seen.insert(map.kind + map.path).second)
            once.push_back(std::move(map));
    return once;
}

bool exists(const std::string& path)
{
    return ::access(path.c_str(), F_OK) == 0;
}

std::string how_to_make(const NamedMap& map)
{
    return "run " +
           std::string{map.path.ends_with("aliases") ? "postalias"
                                                     : "postmap"} +
           " " + map.kind + ":" + map.path;
}

bool anybody_may_write(const std::string& path)
{
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 && !S_ISSOCK(st.st_mode) &&
           (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0;
}

/// The file, or the first folder above it, that anybody may write to.
std::string open_to_all(const std::string& path)
{
    std::filesystem::path folder;
    for (const auto& part : std::filesystem::path{path})
        if (anybody_may_write((folder /= part).string()))
            return folder.string();
    return {};
}

}  // namespace

Findings postfix_stale_map(const PostfixHost& host)
{
    Findings found;
    for (const auto& map : maps_of(host)) {
        std::error_code error;
        const auto text = std::filesystem::last_write_time(map.path, error);
        if (error)
            continue;
        const auto made = std::filesystem::last_write_time(map.file, error);
        if (!error && made < text)
            found.push_back({{map.path},
                             "changed after " + map.file +
                                 " was made: Postfix does not know the change",
                             how_to_make(map)});
    }
    return found;
}

Findings postfix_unreadable_map(const PostfixHost& host)
{
    Findings found;
    for (const auto& map : maps_of(host)) {
        std::string why;
        if (!exists(map.file))
            why = "No such file or directory";
        else if (map.kind != "lmdb" && map.kind != "dbm")
            if (const auto read =
                    policy::map::open_file(map.file, false)->current();
                !read)
                why = read.error().text;
        if (!why.empty())
            found.push_back({map.place,
                             "the map " + map.kind + ":" + map.path +
                                 " cannot be read: " + map.file + ": " + why,
                             how_to_make(map)});
    }
    return found;
}

Findings postfix_world_writable(const PostfixHost& host)
{
    const auto folder = host.path.substr(0, host.path.rfind('/') + 1);
    std::vector<std::string> paths{host.path, folder + "master.cf",
                                   host.config_file, host.config->state_dir};
    for (const auto& map : maps_of(host))
        for (const auto& path : {map.path, map.file})
            paths.push_back(path);
    for (const auto& milter : host.all_milters())
        paths.push_back(milter.socket.path);
    Findings found;
    std::set<std::string> told;
    for (const auto& path : paths) {
        const auto open =
            path.starts_with('/') ? open_to_all(path) : std::string{};
        if (!open.empty() && told.insert(open).second)
            found.push_back({{open},
                             "any user of this host may write to it, and so "
                             "change what becomes of mail",
                             "chmod o-w " + open});
    }
    return found;
}

Findings postfix_no_expire(const PostfixHost& host)
{
    Findings found;
    for (const auto& map : maps_of(host))
        if (is_grants(host, map.path)) {
            auto some = endless_grants(host, map.place, map.path);
            std::move(some.begin(), some.end(), std::back_inserter(found));
        }
    return found;
}

Findings postfix_signatures(const PostfixHost& host)
{
    const auto all = host.all_milters();
    const bool scans = std::any_of(all.begin(), all.end(), [&](const auto& m) {
        const auto which = host.which(m);
        return which == Milter::virus || which == Milter::all_in_one;
    });
    return scans ? signatures(host) : Findings{};
}

}  // namespace milters::doctor
