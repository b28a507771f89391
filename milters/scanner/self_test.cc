#include "milters/scanner/self_test.h"

#include <chrono>
#include <fstream>
#include <sstream>

#include "milters/scanner/channel.h"
#include "milters/scanner/memfd.h"
#include "milters/scanner/samples.h"
#include "policy/scan/wire.h"

namespace milters::scanner {
namespace {

using namespace std::chrono_literals;
using policy::Errc;
using policy::Status;

constexpr auto sample_deadline = 60s;

policy::Result<std::string> contents(const std::string& path)
{
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    in.peek();  // nothing can be put out of an empty one
    if (!in || (!in.eof() && !(out << in.rdbuf())))
        return policy::fail(Errc::io, path + ": cannot be read");
    return out.str();
}

Status scan_sample(int socket, const std::string& name,
                   const std::string& bytes, bool infected)
{
    auto file = MemFile::create();
    if (!file)
        return policy::fail(file.error());
    if (auto s = file->append(bytes); !s)
        return s;
    if (auto s = file->seal(); !s)
        return s;
    const policy::scan::ScanRequest request{1, sample_deadline, {}};
    if (auto s = send_packet(socket, write(request), file->fd()); !s)
        return policy::fail(Errc::format, "self-test: worker has ended");
    const auto packet = receive_packet(socket, sample_deadline + 1s);
    if (!packet)
        return policy::fail(Errc::format,
                            "self-test: worker has ended over " + name);
    policy::scan::Verdict verdict;
    if (auto s = policy::scan::read_answer(packet->text, 1, verdict); !s)
        return policy::fail(s.error());
    const auto want = infected ? policy::scan::ScanStatus::infected
                               : policy::scan::ScanStatus::clean;
    if (verdict.status() == want)
        return {};
    return policy::fail(Errc::format, "self-test: " + name + " is called " +
                                          name_of(verdict.status()) + " " +
                                          verdict.signature() + verdict.detail);
}

}  // namespace

Status self_test(int socket, bool expect_eicar,
                 const std::vector<std::string>& known_clean)
{
    for (const Sample& sample : samples(expect_eicar))
        if (auto s =
                scan_sample(socket, sample.name, sample.bytes, sample.infected);
            !s)
            return s;
    for (const std::string& path : known_clean) {
        const auto bytes = contents(path);
        if (!bytes)
            return policy::fail(bytes.error());
        if (auto s = scan_sample(socket, path, *bytes, false); !s)
            return s;
    }
    return {};
}

}  // namespace milters::scanner
