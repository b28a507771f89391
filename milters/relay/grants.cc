#include "milters/relay/grants.h"

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

std::string problem(const config::Config& all, const char* name,
                    const std::string& text)
{
    return all.values.place(name) + ": " + name + ": " + text;
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

}  // namespace

config::Problems check_grants(const config::Config& all)
{
    const auto& settings = all.relay.relayers;
    config::Problems problems;
    if (settings.store != "bdb")
        return problems;
    if (is_foreign(settings.file))
        problems.push_back(problem(all, "relay.relayers.file",
                                   settings.file + ": is not a Berkeley DB "
                                                   "file"));
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
                                                     Report report, Event event)
{
    const auto& settings = all.relay.relayers;
    std::unique_ptr<Grants> grants{new Grants};
    if (settings.store == "none")
        return grants;
    policy::relayers::FileSettings file;
    file.file = settings.file;
    file.journal = settings.journal;
    file.window = settings.window;
    file.sync = settings.sync;
    file.report = std::move(report);
    file.event = std::move(event);
    auto opened = policy::relayers::FileStore::open(std::move(file));
    if (!opened && opened.error().code == Errc::denied)
        return fail(opened.error());
    if (!opened)
        return fail(Errc::parse,
                    problem(all, "relay.relayers.file", opened.error().text));
    grants->file_ = opened->get();
    grants->store_ = std::move(*opened);
    return grants;
}

void Grants::flush()
{
    constexpr std::chrono::milliseconds soon{200};
    if (file_)
        file_->snapshot(soon);
}

void Grants::configure(const config::Relayers& settings)
{
    if (file_)
        file_->set_window(settings.window);
}

}  // namespace milters::relay
