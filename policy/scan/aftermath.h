// Settings of what is done beside the answer to the client.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "policy/address.h"
#include "policy/scan/policy.h"

namespace policy::scan {

/// Who is told of what.  Words: statuses, "filtered" (an attachment rule),
/// for administrators "fault" and "update", and "all".
struct NotifySettings {
    std::vector<std::string> admin, sender, recipients;
    std::vector<std::string> admins;  ///< addresses
    std::string from;
    Masks own;                      ///< our addresses
    std::vector<Network> networks;  ///< clients whose senders are believed
    std::string templates;          ///< folder, or empty
    std::string sendmail;           ///< program
};

/// Messages that are kept.
struct QuarantineSettings {
    bool in_folder = false;  ///< action quarantine: here, not in the MTA
    std::string folder;
    std::vector<Action> copies;  ///< of these actions a copy is kept
    bool whole = true;           ///< of copies: the message, too
    std::chrono::seconds max_age{};
};

struct DisclaimerSettings {
    std::string text;  ///< empty: none
    Group::Direction direction = Group::Direction::out;
};

}  // namespace policy::scan
