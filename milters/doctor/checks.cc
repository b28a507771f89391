#include "milters/doctor/checks.h"

namespace milters::doctor {
namespace {

constexpr Check table[] = {
    {"fail-open", filter_without_flag},  {"wrong-flag", filter_with_wrong_flag},
    {"filter-order", filter_order},      {"short-timeout", filter_timeout},
    {"inet-loopback", inet_to_loopback},
};

}  // namespace

std::span<const Check> checks()
{
    return table;
}

Findings examine(const Host& host)
{
    Findings all;
    for (const auto& check : table)
        for (auto& finding : check.look(host)) {
            finding.name = check.name;
            all.push_back(std::move(finding));
        }
    return all;
}

}  // namespace milters::doctor
