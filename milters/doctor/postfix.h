// A host with Postfix, and the doctor's questions about it.  Findings have the
// names of those about sendmail.  Source: postconf(5), MILTER_README of
// Postfix.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "milters/doctor/finding.h"
#include "milters/doctor/host.h"
#include "policy/config/socket_spec.h"
#include "policy/postfix/main_cf.h"

namespace milters::doctor {

/// A milter of smtpd_milters or non_smtpd_milters.
struct PostfixMilter {
    std::string name;  ///< as it is written: unix:/run/postern/relay.sock
    Place place;
    /// Where a server outside of the chroot finds it; off: not understood.
    policy::config::SocketSpec socket;
    std::string action;  ///< while it is down: tempfail, accept, ...
    policy::config::Milliseconds content_timeout{};
    bool chrooted = false;
};

/// An SMTP server of master.cf.
struct PostfixServer {
    policy::postfix::Service service;
    policy::postfix::Settings settings;  ///< main.cf and its own
    bool chrooted = false;
};

/// Read once; const from then on.
struct PostfixHost : Site {
    std::string path;  ///< of main.cf
    policy::postfix::Settings settings;
    std::vector<PostfixServer> servers;

    /// Where a setting of main.cf or master.cf stands.
    Place place(const policy::postfix::Settings& settings,
                const std::string& name) const;
    std::vector<PostfixMilter> milters(const policy::postfix::Settings& of,
                                       const std::string& setting,
                                       bool chrooted) const;
    /// Of all servers, each socket once.
    std::vector<PostfixMilter> all_milters() const;
    Milter which(const PostfixMilter& milter) const;
};

/// Reads main.cf and, beside it, master.cf.  Errc::io where the first is
/// unreadable.
policy::Result<PostfixHost> look_at_postfix(
    std::shared_ptr<const policy::config::Config> config,
    std::string config_file, const Places& places);

/// Asks all questions.
Findings examine(const PostfixHost& host);

// Milters: postfix_filters.cc
Findings postfix_fail_open(const PostfixHost& host);
Findings postfix_wrong_action(const PostfixHost& host);
Findings postfix_order(const PostfixHost& host);
Findings postfix_timeout(const PostfixHost& host);
Findings postfix_inet(const PostfixHost& host);
Findings postfix_out_of_reach(const PostfixHost& host);
Findings postfix_silent(const PostfixHost& host);
Findings postfix_bypass(const PostfixHost& host);

// Maps and files: postfix_maps.cc
Findings postfix_stale_map(const PostfixHost& host);
Findings postfix_unreadable_map(const PostfixHost& host);
Findings postfix_world_writable(const PostfixHost& host);
Findings postfix_no_expire(const PostfixHost& host);
Findings postfix_signatures(const PostfixHost& host);

// Who may send: postfix_relaying.cc
Findings postfix_open_relay(const PostfixHost& host);
Findings postfix_wide_networks(const PostfixHost& host);
Findings postfix_plain(const PostfixHost& host);
Findings postfix_saslauthd(const PostfixHost& host);

}  // namespace milters::doctor
