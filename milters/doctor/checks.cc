#include "milters/doctor/checks.h"

namespace milters::doctor {
namespace {

constexpr Check table[] = {
    {"fail-open", filter_without_flag},
    {"wrong-flag", filter_with_wrong_flag},
    {"filter-order", filter_order},
    {"short-timeout", filter_timeout},
    {"inet-loopback", inet_to_loopback},
    {"socket-unreachable", socket_out_of_reach},
    {"milter-silent", silent_milter},
    {"stale-map", stale_map},
    {"unreadable-map", unreadable_map},
    {"missing-map", missing_optional_map},
    {"world-writable", world_writable_path},
    {"host-name", host_name},
    {"open-relay", open_relay},
    {"promiscuous-relay", promiscuous_relay},
    {"plain-without-tls", plain_without_tls},
    {"saslauthd-down saslauthd-hung", saslauthd},
    {"old-signatures", old_signatures},
    {"no-expire", no_expire},
    {"submission-bypass", submission_bypass},
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
            if (finding.name.empty())
                finding.name = check.names.substr(0, check.names.find(' '));
            all.push_back(std::move(finding));
        }
    return all;
}

}  // namespace milters::doctor
