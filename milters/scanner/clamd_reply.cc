// What clamd says.
#include <charconv>
#include <ctime>

#include "milters/scanner/clamd.h"

namespace milters::scanner {

using policy::scan::EngineInfo;
using policy::scan::ScanStatus;
using policy::scan::Verdict;

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

}  // namespace milters::scanner
