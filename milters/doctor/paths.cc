#include "milters/doctor/paths.h"

#include <pwd.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>

#include "milters/doctor/checks.h"
#include "policy/sendmail/words.h"

namespace milters::doctor {
namespace {

namespace fs = std::filesystem;

bool blames_no_sticky_folder(const Host& host)
{
    const auto option = host.cf.option("DontBlameSendmail");
    const auto words = policy::sendmail::lower(option ? option->value : "");
    return words.find("truststickybit") != words.npos;
}

/// uid of a user by name; root's if there is none.
uid_t uid_of(const Host& host, const char* option)
{
    const auto given = host.cf.option(option);
    const passwd* entry = given ? ::getpwnam(given->value.c_str()) : nullptr;
    return entry ? entry->pw_uid : 0;
}

/// The folders above a path, the root first.
std::vector<std::string> folders_above(const std::string& path)
{
    std::vector<std::string> all;
    fs::path folder;
    for (const auto& part : fs::path{path}.parent_path())
        all.push_back((folder /= part).string());
    return all;
}

bool anybody_may_write(const Host& host, const std::string& path)
{
    struct stat st {};
    if (::stat(path.c_str(), &st) != 0 || S_ISSOCK(st.st_mode))
        return false;
    const bool sticky = S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX) != 0;
    return (st.st_mode & S_IWOTH) != 0 &&
           !(sticky && blames_no_sticky_folder(host));
}

/// Everything that mail goes by on this host.
std::vector<std::string> paths_of(const Host& host)
{
    const auto& c = *host.config;
    std::vector<std::string> all{host.cf.path(), host.submit_path,
                                 host.config_file, c.state_dir + "/x"};
    for (const auto& maps : {host.cf.maps(), host.cf.aliases()})
        for (const auto& map : maps)
            for (const char* ending : {"", ".db", ".cdb"})
                all.push_back(map.path + ending);
    for (const auto& file : host.cf.class_files())
        all.push_back(file.path);
    for (const auto& filter : host.cf.input_filters())
        if (const auto spec = policy::config::SocketSpec::parse(filter.socket))
            all.push_back(spec->path);
    if (const auto queue = host.cf.option("QueueDirectory"))
        all.push_back(queue->value + "/x");
    std::erase_if(all, [](const auto& path) { return !path.starts_with('/'); });
    return all;
}

}  // namespace

std::string unsafe_folder(const Host& host, const std::string& path)
{
    const std::set<uid_t> good{0, host.mta.uid, uid_of(host, "TrustedUser")};
    for (const auto& folder : folders_above(path)) {
        struct stat st {};
        if (::stat(folder.c_str(), &st) != 0)
            continue;
        const bool sticky = (st.st_mode & S_ISVTX) != 0;
        if (!good.contains(st.st_uid) || (st.st_mode & S_IWGRP && !sticky))
            return folder;
    }
    return {};
}

std::string world_writable(const Host& host, const std::string& path)
{
    for (const auto& folder : folders_above(path))
        if (anybody_may_write(host, folder))
            return folder;
    return anybody_may_write(host, path) ? path : "";
}

Findings world_writable_path(const Host& host)
{
    Findings found;
    std::set<std::string> told;
    for (const auto& path : paths_of(host)) {
        const auto open = world_writable(host, path);
        if (!open.empty() && told.insert(open).second)
            found.push_back({{open},
                             "any user of this host may write to it, and so "
                             "change what becomes of mail; sendmail trusts "
                             "nothing below",
                             "chmod o-w " + open});
    }
    return found;
}

}  // namespace milters::doctor
