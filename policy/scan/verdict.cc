#include "policy/scan/verdict.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace policy::scan {
namespace {

constexpr std::array<const char*, status_count> names = {
    "clean",    "infected", "suspicious", "protected",
    "oversize", "limits",   "error"};

constexpr std::size_t max_signature = 128;

/// Lower is more telling.
int rank(ScanStatus status)
{
    switch (status) {
        case ScanStatus::infected:
            return 0;
        case ScanStatus::error:
            return 1;
        case ScanStatus::limits:
            return 2;
        case ScanStatus::oversize:
            return 3;
        case ScanStatus::suspicious:
            return 4;
        case ScanStatus::locked:
            return 5;
        case ScanStatus::clean:
            break;
    }
    return 6;
}

}  // namespace

const char* name_of(ScanStatus status)
{
    return names[static_cast<std::size_t>(status)];
}

std::optional<ScanStatus> parse_status(std::string_view text)
{
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end())
        return std::nullopt;
    return static_cast<ScanStatus>(std::distance(names.begin(), found));
}

ScanStatus Verdict::status() const
{
    return findings.empty() ? ScanStatus::clean : findings.front().status;
}

const std::string& Verdict::signature() const
{
    static const std::string none;
    return findings.empty() ? none : findings.front().signature;
}

void Verdict::add(ScanStatus status, std::string_view signature)
{
    Finding finding{status, clean_signature(signature)};
    if (status == ScanStatus::clean ||
        std::find(findings.begin(), findings.end(), finding) != findings.end())
        return;
    const auto place =
        std::upper_bound(findings.begin(), findings.end(), finding,
                         [](const Finding& a, const Finding& b) {
                             return rank(a.status) < rank(b.status);
                         });
    findings.insert(place, std::move(finding));
}

Verdict Verdict::error(std::string detail)
{
    Verdict verdict;
    verdict.add(ScanStatus::error, "");
    verdict.detail = std::move(detail);
    return verdict;
}

Verdict Verdict::oversize()
{
    Verdict verdict;
    verdict.add(ScanStatus::oversize, "");
    return verdict;
}

ScanStatus status_of_signature(std::string_view name)
{
    if (name.starts_with("Heuristics.Limits.Exceeded"))
        return ScanStatus::limits;
    if (name.starts_with("Heuristics.Encrypted."))
        return ScanStatus::locked;
    if (name.starts_with("Heuristics.") || name.starts_with("PUA.") ||
        name.starts_with("BC.Heuristics."))
        return ScanStatus::suspicious;
    return ScanStatus::infected;
}

std::string clean_signature(std::string_view name)
{
    std::string out{name.substr(0, max_signature)};
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c <= ' ' || c > '~'; },
        '_');
    return out;
}

}  // namespace policy::scan
