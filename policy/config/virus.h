// The virus section of postern.yaml.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "policy/address.h"
#include "policy/config/socket_spec.h"
#include "policy/config/values.h"
#include "policy/scan/aftermath.h"
#include "policy/scan/options.h"
#include "policy/scan/policy.h"

namespace policy::config {

/// virus: the milter, its scanner, and what is done about verdicts.
struct Virus {
    SocketSpec socket;
    std::string pid_file;
    std::string socket_owner;
    std::string socket_group;
    unsigned socket_mode = 0660;
    std::string engine;   ///< "libclamav", "clamd"
    std::string scanner;  ///< program; empty: beside the milter
    std::string scanner_user;
    unsigned workers = 0;
    std::string temp_dir;
    std::uint64_t temp_size = 0;
    std::uint64_t worker_memory = 0;
    Milliseconds deadline{};
    Milliseconds load_time{};
    unsigned max_waiting = 0;
    std::uint64_t max_message = 0;
    Milliseconds watch{};
    bool serial = false;
    std::chrono::seconds max_age{};
    bool refuse_stale = false;
    bool expect_eicar = true;
    std::vector<std::string> known_clean;
    unsigned cache = 0;
    bool cache_by_body = true;
    scan::EngineOptions scan;
    std::vector<SocketSpec> clamd;
    Milliseconds clamd_timeout{};
    Milliseconds clamd_probe{};
    bool clamd_verify = true;
    std::string header_scanned;
    std::string header_status;
    std::string reject_text;
    std::string strip_text;
    std::string header_anti_virus;
    std::string rename_suffix;
    SocketSpec control_socket;
    std::string control_group;
    unsigned control_mode = 0660;
    bool split_recipients = false;
    std::vector<Network> skip_networks;
    std::string skip_access;         ///< access map; empty: none
    bool skip_access_given = false;  ///< a missing file is a mistake
    bool skip_authenticated = false;
    scan::Rules rules;
    scan::NotifySettings notify;
    scan::QuarantineSettings quarantine;
    scan::DisclaimerSettings disclaimer;
};

/// Reads the section; mistakes that concern more than one value are added to
/// `problems`.
Virus read_virus(const Values& values, const std::string& mail_dir,
                 Problems& problems);

/// The part of it that tells what is done about verdicts, and for whom.
void read_rules(const Values& values, Problems& problems, scan::Rules& out);

/// The part of it that tells what is done beside the answer.
void read_aftermath(const Values& values, Problems& problems, Virus& out);

}  // namespace policy::config
