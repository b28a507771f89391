// The half of ClamdPool that asks the servers how they are.
#include <algorithm>
#include <condition_variable>
#include <stdexcept>

#include "milters/scanner/clamd.h"
#include "milters/scanner/samples.h"

namespace milters::scanner {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;
using policy::scan::ScanStatus;

constexpr auto version_limit = 5s;

/// A clamd whose temporary folder is gone calls everything clean that it has
/// to unpack first; one that finds EICAR in a mail can still unpack.  As its
/// package sets it up it calls clean what it did not look into.
void ClamdPool::make_tests()
{
    add_test(samples(true).back().bytes, ScanStatus::infected,
             "the EICAR test file in a mail", "it cannot unpack");
    add_test(zip_too_deep(), ScanStatus::limits, "a zip that is too deep",
             "clamd.conf needs AlertExceedsMax yes");
    if (options_.encrypted)
        add_test(encrypted_zip(), ScanStatus::locked, "an encrypted zip",
                 "clamd.conf needs AlertEncrypted yes, or postern.yaml "
                 "virus.detect.encrypted: no");
}

void ClamdPool::add_test(const std::string& bytes, ScanStatus expected,
                         std::string name, std::string advice)
{
    auto file = MemFile::create();
    if (!file || !file->append(bytes) || !file->seal())
        throw std::runtime_error{"no memory to test clamd"};
    tests_.push_back(
        {std::move(*file), expected, std::move(name), std::move(advice)});
}

Status ClamdPool::pass(const Call& call, const Test& test)
{
    const auto verdict = ask(call, {test.file.fd(), test.file.size()});
    if (!verdict)
        return policy::fail(verdict.error());
    if (verdict->status() == test.expected)
        return {};
    return policy::fail(Errc::format, "calls " + test.name + " " +
                                          name_of(verdict->status()) + ": " +
                                          test.advice);
}

/// Asked again after the probe interval: verdicts of other signatures must not
/// be remembered.
Status ClamdPool::learn_version(const Call& call)
{
    {
        const std::lock_guard lock{mutex_};
        if (Steady::now() - servers_[call.server].asked_at < options_.probe)
            return {};
    }
    auto talk = Talk::connect(
        options_.servers[call.server],
        std::min<Steady::time_point>(call.end, Steady::now() + version_limit),
        call.tick);
    if (!talk)
        return policy::fail(talk.error());
    if (auto s = talk->send(std::string_view{"zVERSION\0", 9}); !s)
        return s;
    const auto version = talk->reply();
    if (!version)
        return policy::fail(version.error());
    const std::lock_guard lock{mutex_};
    servers_[call.server].version = *version;
    servers_[call.server].asked_at = Steady::now();
    return {};
}

/// The tests of clamd.conf, which another may have taken the place of.
Status ClamdPool::test_settings(const Call& call)
{
    const auto now = Steady::now();
    {
        const std::lock_guard lock{mutex_};
        if (now - servers_[call.server].tested_at < options_.probe)
            return {};
    }
    for (std::size_t i = 1; i < tests_.size(); ++i)
        if (auto s = pass(call, tests_[i]); !s)
            return s;
    const std::lock_guard lock{mutex_};
    servers_[call.server].tested_at = now;
    return {};
}

/// One that was well is only asked whether it is there: mail that comes does
/// the rest, and clamd's log stays short.
Status ClamdPool::look_at(const Call& call)
{
    if (auto s = learn_version(call); !s)
        return s;
    {
        const std::lock_guard lock{mutex_};
        if (servers_[call.server].well)
            return {};
    }
    if (auto s = test_settings(call); !s || tests_.empty())
        return s;
    return pass(call, tests_.front());
}

/// On health_.
void ClamdPool::look_after(const std::stop_token& stop)
{
    std::mutex idle;
    std::condition_variable_any wake;
    const Tick go_on = [&] { return !stop.stop_requested(); };
    while (go_on()) {
        for (std::size_t i = 0; i < options_.servers.size() && go_on(); ++i) {
            const Call call{i, Steady::now() + options_.timeout, go_on};
            if (const auto well = look_at(call); well)
                answered(i);
            else if (go_on())
                failed(i, well.error().text);
        }
        std::unique_lock lock{idle};
        wake.wait_for(lock, stop, options_.probe, [&] { return !go_on(); });
    }
}

void ClamdPool::failed(std::size_t server, const std::string& why)
{
    bool news = false;
    {
        const std::lock_guard lock{mutex_};
        Server& s = servers_[server];
        news = s.said != why;
        s.said = why;
        s.well = false;
        s.asked_at = s.tested_at = {};
    }
    if (news && options_.log)
        options_.log(true,
                     "clamd " + options_.servers[server].text() + ": " + why);
}

void ClamdPool::answered(std::size_t server)
{
    bool news = false;
    {
        const std::lock_guard lock{mutex_};
        Server& s = servers_[server];
        news = !s.said.empty();
        s.well = true;
        s.said.clear();
    }
    if (news && options_.log)
        options_.log(false, "clamd " + options_.servers[server].text() +
                                ": answers again");
}

}  // namespace milters::scanner
