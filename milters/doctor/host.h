// The host that is looked at: what its configuration files say.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "milters/doctor/finding.h"
#include "policy/config/config.h"
#include "policy/sendmail/cf.h"

namespace milters::doctor {

using policy::sendmail::Cf;
using policy::sendmail::MailFilter;

/// Which of our milters a filter of the MTA is.
enum class Milter { foreign, relay, virus, filter, all_in_one };

/// A user by whose rights files and sockets are opened.
struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// Where to look; empty: the usual place.
struct Places {
    std::string sendmail_cf;  ///< default sendmail.cf in mail_dir
    std::string submit_cf;    ///< default submit.cf in mail_dir
    std::string sendmail;     ///< program; default /usr/sbin/sendmail
    std::string main_cf;      ///< of Postfix; default /etc/postfix/main.cf
    std::vector<std::string> crontabs;
};

/// What checks ask about, whichever the MTA is.  Read once; const from then
/// on.
struct Site {
    std::shared_ptr<const policy::config::Config> config;
    std::string config_file;
    std::vector<std::string> crontabs;
    User mta{};  ///< that connects to milters and opens maps

    /// `file:line` of a setting of postern.yaml.
    std::string setting(const std::string& name) const
    {
        return config->values.place(name);
    }
    /// The same, file and line apart.
    Place place_of(const std::string& name) const;
    /// By the socket that postern.yaml has; or else by the name of the
    /// program that listens there, or that the MTA has for it.
    Milter which(const std::string& name, const std::string& socket) const;
};

/// A host with sendmail.
struct Host : Site {
    Cf cf;
    std::optional<Cf> submit;
    std::string submit_path;
    std::string sendmail;

    Place at(int line) const { return {cf.path(), line}; }
    Milter which(const MailFilter& filter) const
    {
        return Site::which(filter.name, filter.socket);
    }
};

/// Reads sendmail.cf and submit.cf.  Errc::io where the first is unreadable.
policy::Result<Host> look_at_host(
    std::shared_ptr<const policy::config::Config> config,
    std::string config_file, const Places& places);

/// What is the same of every MTA.
Site look_at_site(std::shared_ptr<const policy::config::Config> config,
                  std::string config_file, const Places& places);

}  // namespace milters::doctor
