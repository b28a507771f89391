// One message on its way through virus-milter.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/milter/collecting.h"
#include "milters/virus/message.h"
#include "milters/virus/runtime.h"
#include "policy/scan/policy.h"

namespace milters::virus {

/// The address without its brackets.
std::string bare(std::string_view address);

/// From MAIL to eom, abort, or the next MAIL.
struct Transaction : milter::Origin {
    Transaction(const policy::config::Virus& virus, milter::Origin origin);

    policy::scan::MailFrom from;
    std::vector<std::string> rcpts;  ///< as the client wrote them
    Message message;
    std::string release;  ///< value of release_header, if it is there
    /// What access.db says of each recipient; of nobody, where the MTA hides
    /// them.  Known at eom.
    policy::map::TagMap::Rulings access;
    /// Group of the first recipient, where recipients are split, and what
    /// access.db says of him.
    std::optional<const policy::scan::Group*> group;
    std::optional<policy::map::TagRuling> group_access;

    /// When the MTA must have its answer: virus.deadline after eom.
    std::chrono::steady_clock::time_point until{};

    /// Writes an error to the log, with our names.
    void complain(const Runtime& runtime, const std::string& what) const;
};

/// By this header a message that was kept comes back: ID and a word that is
/// valid once.  Taken from local clients only, removed from every message.
inline constexpr const char* release_header = "X-Virus-Release";

}  // namespace milters::virus
