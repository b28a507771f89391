// The filter section of postern.yaml.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/address.h"
#include "policy/config/socket_spec.h"
#include "policy/config/values.h"

namespace policy::config {

/// filter: the milter, where its recipes are, and what they may do.
struct Filter {
    SocketSpec socket;
    std::string pid_file;
    std::string socket_owner;
    std::string socket_group;
    unsigned socket_mode = 0660;
    std::string site_rc;
    bool site_rc_given = false;             ///< a missing file is a mistake
    std::string domain_rc;                  ///< with %d; empty: none
    std::string user_rc;                    ///< with %u and %d; empty: none
    std::vector<std::string> user_domains;  ///< empty: class files say
    std::vector<std::string> user_actions;
    bool broken_user_waits = false;
    Milliseconds user_time{};
    Milliseconds time{};
    std::string include_dir;
    bool null_rejects = false;
    bool folder_as_recipient = false;
    std::string folder_header;
    std::vector<std::string> quarantine_folders;
    bool apart = true;
    std::uint64_t max_message = 0;
    std::vector<std::string> programs;
    std::string program_user;
    Milliseconds program_time{};
    std::string access;         ///< access map; empty: none
    bool access_given = false;  ///< a missing file is a mistake
    std::vector<std::pair<std::string, std::string>> classes;  ///< name, path
    std::vector<Network> skip_networks;
    bool skip_authenticated = false;
};

/// Reads the section; mistakes that concern more than one value are added to
/// `problems`.
Filter read_filter(const Values& values, const std::string& mail_dir,
                   Problems& problems);

}  // namespace policy::config
