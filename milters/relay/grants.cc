#include "milters/relay/grants.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "policy/map/bdb_pages.h"

namespace milters::relay {
namespace {

using policy::Errc;
using policy::fail;
namespace config = policy::config;

/// What errno says of a call that returned `rc`; empty if it was fine.
std::string because(const std::string& path, int rc)
{
    const int error = rc == 0 ? 0 : errno;
    return error == 0 ? "" : path + ": " + std::strerror(error);
}

std::string problem(const config::Config& all, const char* name,
                    const std::string& text)
{
    return all.values.place(name) + ": " + name + ": " + text;
}

/// Why relayers.db could not be read, or made if it is missing; empty: it can.
std::string file_problem(const config::Relayers& settings)
{
    const auto& path = settings.file;
    struct stat st {};
    if (stat(path.c_str(), &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return path + ": not a regular file";
        return because(path, access(path.c_str(), R_OK));
    }
    if (errno != ENOENT)
        return because(path, -1);
    const auto folder = path.substr(0, path.rfind('/') + 1);
    const bool made = folder == settings.journal + "/" &&
                      access(folder.c_str(), F_OK) != 0 && errno == ENOENT;
    return made ? "" : because(folder, access(folder.c_str(), W_OK | X_OK));
}

/// Whether the file is something else than a map: never to be touched.
bool is_foreign(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    std::array<char, 512> head{};
    in.read(head.data(), head.size());
    const auto n = static_cast<std::size_t>(in.gcount());
    return n > 0 && !policy::map::is_bdb({head.data(), n});
}

policy::Result<policy::relayers::RedisSettings> redis_settings(
    const config::Config& all, Grants::Report report,
    Grants::OffLimits off_limits)
{
    const auto& settings = all.relay.relayers;
    const char* const name = settings.url_file.empty()
                                 ? "relay.relayers.url"
                                 : "relay.relayers.url_file";
    const auto url = config::redis_url(settings);
    if (!url)
        return fail(Errc::parse, problem(all, name, url.error().text));
    const auto address = policy::relayers::RedisAddress::parse(*url);
    if (!address)  // it may hold a password: not repeated
        return fail(Errc::parse,
                    problem(all, name,
                            "is not redis://[[user]:password@]host[:port]"
                            "[/database] or redis+unix:/path"));
    policy::relayers::RedisSettings out;
    out.address = *address;
    out.prefix = settings.prefix;
    out.ipv6_prefix = settings.ipv6_prefix;
    out.window = settings.window;
    out.timeout = settings.timeout;
    out.off_limits = std::move(off_limits);
    out.report = std::move(report);
    return out;
}

}  // namespace

config::Problems check_grants(const config::Config& all)
{
    const auto& settings = all.relay.relayers;
    config::Problems problems;
    if (settings.store == "none")
        return problems;
    if (const auto why = file_problem(settings); !why.empty())
        problems.push_back(problem(all, "relay.relayers.file", why));
    else if (is_foreign(settings.file))
        problems.push_back(problem(all, "relay.relayers.file",
                                   settings.file + ": is not a Berkeley DB "
                                                   "file"));
    if (settings.store == "redis")
        if (const auto redis = redis_settings(all, {}, {}); !redis)
            problems.push_back(redis.error().text);
    // A missing last folder is made at the start.
    const auto& journal = settings.journal;
    const auto parent = journal.substr(0, journal.rfind('/') + 1);
    if (access(journal.c_str(), W_OK) != 0 &&
        (errno != ENOENT || access(parent.c_str(), F_OK) != 0))
        problems.push_back(problem(all, "relay.relayers.journal",
                                   journal + ": " + std::strerror(errno)));
    return problems;
}

policy::Result<std::unique_ptr<Grants>> Grants::open(const config::Config& all,
                                                     const Report& report,
                                                     Event event,
                                                     OffLimits off_limits)
{
    const auto& settings = all.relay.relayers;
    std::unique_ptr<Grants> grants{new Grants};
    if (settings.store == "none")
        return grants;
    policy::Result<policy::relayers::RedisSettings> redis{};
    if (settings.store == "redis")
        redis = redis_settings(all, report, std::move(off_limits));
    if (!redis)
        return fail(redis.error());
    policy::relayers::FileSettings file;
    file.file = settings.file;
    file.journal = settings.journal;
    file.window = settings.window;
    file.ipv6_keys = policy::relayers::ipv6_keys_of(settings.ipv6_keys);
    file.sync = settings.sync;
    file.report = report;
    file.event = std::move(event);
    auto opened = policy::relayers::FileStore::open(std::move(file));
    if (!opened && opened.error().code == Errc::denied)
        return fail(opened.error());
    if (!opened)
        return fail(Errc::parse,
                    problem(all, "relay.relayers.file", opened.error().text));
    grants->file_ = opened->get();
    if (settings.store != "redis") {
        grants->store_ = std::move(*opened);
        return grants;
    }
    auto shared = std::make_shared<policy::relayers::RedisStore>(
        std::move(*opened), std::move(*redis));
    grants->redis_ = shared.get();
    grants->store_ = std::move(shared);
    return grants;
}

void Grants::flush()
{
    constexpr std::chrono::milliseconds soon{200};
    if (redis_)
        redis_->drain(soon);
    if (file_)
        file_->snapshot(soon);
}

void Grants::configure(const config::Relayers& settings)
{
    if (file_)
        file_->set_window(settings.window);
    if (redis_)
        redis_->set_window(settings.window);
}

}  // namespace milters::relay
