#include "policy/relay/features.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace policy::relay {
namespace {

using Set = void (*)(Features&);

struct Name {
    std::string_view name;
    Set set;
};

void delay(Features& f)
{
    f.delay_checks = f.spam_tags_too = true;
}
void delay_without_tags(Features& f)
{
    f.delay_checks = true;
}

/// In alphabetical order.
constexpr Name names[] = {
    {"accept_unqualified_senders",
     [](Features& f) { f.accept_unqualified_senders = true; }},
    {"accept_unresolvable_domains",
     [](Features& f) { f.accept_unresolvable_domains = true; }},
    {"access_db", [](Features& f) { f.access_db = true; }},
    {"access_skip", [](Features& f) { f.access.skip = true; }},
    {"blacklist_recipients",
     [](Features& f) { f.blocklist_recipients = true; }},
    {"blocklist_recipients",
     [](Features& f) { f.blocklist_recipients = true; }},
    {"conncontrol", [](Features& f) { f.conn_control = true; }},
    {"conncontrol:nodelay",
     [](Features& f) { f.conn_control = f.conn_immediate = true; }},
    {"conncontrol:terminate",
     [](Features& f) { f.conn_control = f.conn_terminate = true; }},
    {"delay_checks", delay},
    {"delay_checks:friend",
     [](Features& f) {
         delay(f);
         f.spam_friend = true;
     }},
    {"delay_checks:friend:n",
     [](Features& f) {
         delay_without_tags(f);
         f.spam_friend = true;
     }},
    {"delay_checks:hater",
     [](Features& f) {
         delay(f);
         f.spam_hater = true;
     }},
    {"delay_checks:hater:n",
     [](Features& f) {
         delay_without_tags(f);
         f.spam_hater = true;
     }},
    {"drac", [](Features& f) { f.drac = true; }},
    {"greet_pause", [](Features&) {}},
    {"greet_pause:5000", [](Features&) {}},
    {"lookupdotdomain", [](Features& f) { f.access.dotdomain = true; }},
    {"loose_relay_check", [](Features& f) { f.loose_relay_check = true; }},
    {"mail_macro", [](Features& f) { f.mail_macro = true; }},
    {"nocanonify", [](Features& f) { f.canonify = false; }},
    {"nopercenthack:nospecial", [](Features& f) { f.percent_hack = false; }},
    {"nopercenthack:reject",
     [](Features& f) {
         f.percent_hack = false;
         f.percent_reject = true;
     }},
    {"nouucp:nospecial", [](Features& f) { f.uucp = false; }},
    {"nouucp:reject",
     [](Features& f) {
         f.uucp = false;
         f.uucp_reject = true;
     }},
    {"promiscuous_relay", [](Features& f) { f.promiscuous_relay = true; }},
    {"ratecontrol", [](Features& f) { f.rate_control = true; }},
    {"ratecontrol:nodelay",
     [](Features& f) { f.rate_control = f.rate_immediate = true; }},
    {"ratecontrol:terminate",
     [](Features& f) { f.rate_control = f.rate_terminate = true; }},
    {"relay_entire_domain", [](Features& f) { f.relay_entire_domain = true; }},
    {"relay_hosts_only", [](Features& f) { f.relay_hosts_only = true; }},
    {"relay_local_from", [](Features& f) { f.relay_local_from = true; }},
    {"relay_mail_from", [](Features& f) { f.relay_mail_from = true; }},
    {"relay_mail_from:domain",
     [](Features& f) { f.relay_mail_from = f.relay_mail_from_domain = true; }},
    {"relayers_auth", [](Features& f) { f.relayers_auth = true; }},
    {"relayers_rcpt", [](Features& f) { f.relayers_rcpt = true; }},
    {"relaytofulladdress", [](Features& f) { f.relay_to_full_address = true; }},
    {"require_rdns", [](Features& f) { f.require_rdns = true; }},
    {"tls_session_features", [](Features&) {}},
    {"use_client_ptr", [](Features& f) { f.use_client_ptr = true; }},
};

const Name* find_name(std::string_view name)
{
    const auto* const found =
        std::find_if(std::begin(names), std::end(names),
                     [&](const Name& n) { return n.name == name; });
    return found == std::end(names) ? nullptr : found;
}

Error missing(const std::string& name, const char* other)
{
    return {Errc::parse,
            "FEATURE " + name + " needs FEATURE " + std::string{other}};
}

/// What the m4 files refuse to combine.
Status checked(const Features& f)
{
    const bool needs_access = f.blocklist_recipients || f.relay_mail_from ||
                              f.spam_friend || f.spam_hater || f.rate_control ||
                              f.conn_control;
    if (needs_access && !f.access_db)
        return fail(missing(f.blocklist_recipients ? "blocklist_recipients"
                            : f.relay_mail_from    ? "relay_mail_from"
                            : f.rate_control       ? "ratecontrol"
                            : f.conn_control       ? "conncontrol"
                                                   : "delay_checks:friend",
                            "access_db"));
    if ((f.rate_immediate || f.conn_immediate) && !f.delay_checks)
        return fail(missing(
            f.rate_immediate ? "ratecontrol:nodelay" : "conncontrol:nodelay",
            "delay_checks"));
    if (f.spam_friend && f.spam_hater)
        return fail(Errc::parse,
                    "FEATURE delay_checks: either friend or hater");
    return {};
}

}  // namespace

Result<Features> read_features(const std::set<std::string, std::less<>>& list)
{
    Features features;
    for (const auto& name : list) {
        const Name* known = find_name(name);
        if (!known)
            return fail(Errc::parse, "unknown FEATURE " + name);
        known->set(features);
    }
    if (const auto fine = checked(features); !fine)
        return fail(fine.error());
    return features;
}

std::span<const std::string_view> feature_names()
{
    static const auto list = [] {
        std::array<std::string_view, std::size(names)> out;
        std::transform(std::begin(names), std::end(names), out.begin(),
                       [](const Name& n) { return n.name; });
        return out;
    }();
    return list;
}

}  // namespace policy::relay
