#include "milters/scanner/clamd.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>

#include "milters/scanner/memfd.h"
#include "milters/scanner/talk.h"

namespace milters::scanner {
namespace {

using policy::Errc;
using policy::Status;
using policy::config::SocketSpec;
using policy::scan::EngineInfo;
using policy::scan::ScanJob;
using policy::scan::ScanStatus;
using policy::scan::Verdict;
using Steady = std::chrono::steady_clock;

constexpr std::size_t chunk_size = 256 * 1024;

/// The message in chunks, each with its length in front; 0 ends it.
Status send_stream(Talk& talk, const ScanJob& job)
{
    if (auto s = talk.send(std::string_view{"zINSTREAM\0", 10}); !s)
        return s;
    std::string buffer(chunk_size, '\0');
    for (std::uint64_t at = 0; at < job.size;) {
        const ssize_t n = ::pread(job.fd, buffer.data(), buffer.size(),
                                  static_cast<off_t>(at));
        if (n <= 0)
            return policy::fail(Errc::io, "the message cannot be read");
        const auto length = htonl(static_cast<std::uint32_t>(n));
        if (auto s = talk.send(
                {reinterpret_cast<const char*>(&length), sizeof length});
            !s)
            return s;
        if (auto s = talk.send({buffer.data(), static_cast<std::size_t>(n)});
            !s)
            return s;
        at += static_cast<std::uint64_t>(n);
    }
    return talk.send(std::string_view{"\0\0\0\0", 4});
}

Status send_job(Talk& talk, const SocketSpec& where, const ScanJob& job)
{
    if (where.kind != SocketSpec::Kind::unix_path)
        return send_stream(talk, job);
    if (auto s = talk.send(std::string_view{"zFILDES\0", 8}); !s)
        return s;
    return talk.send_file(job.fd);
}

}  // namespace

ClamdPool::ClamdPool(ClamdOptions options) : options_{std::move(options)}
{
    for (const auto& server : options_.servers)
        servers_.push_back({server});
    if (options_.verify)
        make_tests();
    health_ =
        std::jthread{[this](const std::stop_token& stop) { look_after(stop); }};
}

/// The servers in turn, those that are not well last.
std::vector<std::size_t> ClamdPool::order()
{
    const std::lock_guard lock{mutex_};
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        out.push_back((next_ + i) % servers_.size());
    next_ = (next_ + 1) % servers_.size();
    std::stable_partition(out.begin(), out.end(),
                          [&](std::size_t i) { return servers_[i].well; });
    return out;
}

policy::Result<Verdict> ClamdPool::ask(const Call& call, const ScanJob& job)
{
    const SocketSpec& where = options_.servers[call.server];
    auto talk = Talk::connect(where, call.end, call.tick);
    if (!talk)
        return policy::fail(talk.error());
    const auto sent = send_job(*talk, where, job);
    // A server that has had enough says why before it closes.
    const auto reply = talk->reply();
    if (!reply)
        return policy::fail(sent ? reply.error() : sent.error());
    return read_clamd_reply(*reply);
}

policy::Result<Verdict> ClamdPool::scan_at(const Call& call, const ScanJob& job)
{
    if (auto s = learn_version(call); !s)
        return policy::fail(s.error());
    if (auto s = test_settings(call); !s)
        return policy::fail(s.error());
    auto verdict = ask(call, job);
    if (verdict && verdict->clean() && !tests_.empty())
        if (auto s = pass(call, tests_.front()); !s)
            return policy::fail(s.error());
    return verdict;
}

/// A server gets half of the time that is left, so that another can be asked
/// in the rest.
Verdict ClamdPool::scan(const ScanJob& job, const std::function<void()>& tick)
{
    const Tick go_on = [&] {
        tick();
        return true;
    };
    const auto end = std::min(Steady::now() + options_.deadline, job.until);
    std::string why = "no clamd server";
    std::size_t left = servers_.size();
    for (const std::size_t server : order()) {
        const auto now = Steady::now();
        const auto share = (end - now) / (--left == 0 ? 1 : 2);
        const Call call{
            server, now + std::min<Steady::duration>(options_.timeout, share),
            go_on};
        auto verdict = scan_at(call, job);
        if (verdict && verdict->status() != ScanStatus::error) {
            if (verdict->clean())
                answered(server);
            verdict->generation = generation();
            return std::move(*verdict);
        }
        why = verdict ? verdict->detail : verdict.error().text;
        failed(server, why);
    }
    return Verdict::error(why);
}

std::string ClamdPool::generation() const
{
    const std::lock_guard lock{mutex_};
    std::string out;
    for (const Server& server : servers_)
        out += server.version + '\n';
    return out;
}

EngineInfo ClamdPool::info() const
{
    EngineInfo info;
    bool any_well = false;
    {
        const std::lock_guard lock{mutex_};
        for (const Server& server : servers_) {
            any_well = any_well || server.well;
            if (info.name.empty())
                info = read_clamd_version(server.version);
        }
    }
    info.generation = any_well ? generation() : "";
    return info;
}

}  // namespace milters::scanner
