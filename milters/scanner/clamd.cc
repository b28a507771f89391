#include "milters/scanner/clamd.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>

#include "milters/scanner/memfd.h"
#include "milters/scanner/samples.h"
#include "milters/scanner/talk.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::config::SocketSpec;
using policy::scan::EngineInfo;
using policy::scan::ScanJob;
using policy::scan::ScanStatus;
using policy::scan::Verdict;
using Steady = std::chrono::steady_clock;

constexpr auto version_limit = 5s;
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

Verdict read_clamd_reply(std::string_view reply)
{
    Verdict verdict;
    const auto colon = reply.find(": ");
    const auto said =
        colon == std::string_view::npos ? reply : reply.substr(colon + 2);
    if (said == "OK" && colon != std::string_view::npos)
        return verdict;
    if (said.ends_with(" FOUND")) {
        const auto name = said.substr(0, said.size() - 6);
        verdict.add(policy::scan::status_of_signature(name), name);
    } else if (reply.find("size limit exceeded") != std::string_view::npos) {
        verdict.add(ScanStatus::limits,
                    "Heuristics.Limits.Exceeded.StreamMaxLength");
    } else {
        verdict.add(ScanStatus::error, "");
        verdict.detail = "clamd: " + std::string{reply.substr(0, 200)};
    }
    return verdict;
}

EngineInfo read_clamd_version(std::string_view reply)
{
    EngineInfo info;
    const auto blank = reply.find(' ');
    const auto slash = reply.find('/');
    if (blank == std::string_view::npos)
        return info;
    info.name = reply.substr(0, blank);
    info.version = reply.substr(
        blank + 1, slash == std::string_view::npos ? slash : slash - blank - 1);
    if (slash == std::string_view::npos)
        return info;
    const char* const end = reply.data() + reply.size();
    const auto base = std::from_chars(reply.data() + slash + 1, end, info.base);
    std::tm when{};
    if (base.ptr != end && *base.ptr == '/' &&
        ::strptime(std::string{base.ptr + 1, end}.c_str(), "%a %b %d %T %Y",
                   &when))
        info.base_time = ::timegm(&when);
    return info;
}

ClamdPool::ClamdPool(ClamdOptions options) : options_{std::move(options)}
{
    for (const auto& server : options_.servers)
        servers_.push_back({server});
    if (!options_.verify)
        return;
    auto file = MemFile::create();
    if (file && file->append(samples(true).back().bytes) && file->seal())
        proof_ = std::move(*file);
    else
        throw std::runtime_error{"no memory for the EICAR test file"};
}

/// The servers in turn, those that failed lately last.
std::vector<std::size_t> ClamdPool::order()
{
    const std::lock_guard lock{mutex_};
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < servers_.size(); ++i)
        out.push_back((next_ + i) % servers_.size());
    next_ = (next_ + 1) % servers_.size();
    const auto now = Steady::now();
    std::stable_partition(out.begin(), out.end(), [&](std::size_t i) {
        return servers_[i].down_until <= now;
    });
    return out;
}

void ClamdPool::failed(std::size_t server, const std::string& why)
{
    const std::lock_guard lock{mutex_};
    Server& s = servers_[server];
    s.down_until = Steady::now() + options_.probe;
    s.asked_at = {};
    if (options_.log)
        options_.log(true, "clamd " + s.where.text() + ": " + why);
}

/// Asked again after the probe interval: verdicts of other signatures must
/// not be remembered.
Status ClamdPool::learn_version(std::size_t server)
{
    {
        const std::lock_guard lock{mutex_};
        if (Steady::now() - servers_[server].asked_at < options_.probe)
            return {};
    }
    const Tick no_tick = [] {};
    auto talk = Talk::connect(options_.servers[server],
                              Steady::now() + version_limit, no_tick);
    if (!talk)
        return policy::fail(talk.error());
    if (auto s = talk->send(std::string_view{"zVERSION\0", 9}); !s)
        return s;
    const auto version = talk->reply();
    if (!version)
        return policy::fail(version.error());
    const std::lock_guard lock{mutex_};
    servers_[server].version = *version;
    servers_[server].asked_at = Steady::now();
    return {};
}

policy::Result<Verdict> ClamdPool::ask(std::size_t server, const ScanJob& job,
                                       const Tick& tick)
{
    const SocketSpec& where = options_.servers[server];
    auto talk = Talk::connect(
        where, std::min(Steady::now() + options_.timeout, job.until), tick);
    if (!talk)
        return policy::fail(talk.error());
    const auto sent = send_job(*talk, where, job);
    // A server that has had enough says why before it closes.
    const auto reply = talk->reply();
    if (!reply)
        return policy::fail(sent ? reply.error() : sent.error());
    return read_clamd_reply(*reply);
}

/// A clamd whose temporary folder is gone calls everything clean that it has
/// to unpack first.  One that finds EICAR in a mail can still unpack.
Status ClamdPool::prove(std::size_t server, const Tick& tick)
{
    const auto proof = ask(server, {proof_->fd(), proof_->size()}, tick);
    if (!proof)
        return policy::fail(proof.error());
    if (proof->status() == ScanStatus::infected)
        return {};
    return policy::fail(Errc::format,
                        std::string{"calls the EICAR test file in a mail "} +
                            name_of(proof->status()));
}

policy::Result<Verdict> ClamdPool::scan_at(std::size_t server,
                                           const ScanJob& job, const Tick& tick)
{
    if (auto s = learn_version(server); !s)
        return policy::fail(s.error());
    auto verdict = ask(server, job, tick);
    if (verdict && verdict->clean() && proof_)
        if (auto s = prove(server, tick); !s)
            return policy::fail(s.error());
    return verdict;
}

Verdict ClamdPool::scan(const ScanJob& job, const Tick& tick)
{
    std::string why = "no clamd server";
    for (const std::size_t server : order()) {
        auto verdict = scan_at(server, job, tick);
        if (verdict && verdict->status() != ScanStatus::error) {
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
    {
        const std::lock_guard lock{mutex_};
        for (const Server& server : servers_)
            if (info.name.empty())
                info = read_clamd_version(server.version);
    }
    info.generation = info.name.empty() ? "" : generation();
    return info;
}

}  // namespace milters::scanner
