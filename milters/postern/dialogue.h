// What the policy says to one client's commands, and what it comes to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/relay/policy.h"

namespace milters::postern {

/// The answers to connect, MAIL and one RCPT, as far as the client gets.
struct Dialogue {
    std::vector<policy::Decision> stages;

    /// The answer that counts: the first refusal; else the first DISCARD,
    /// else the last quarantine; else the last answer.
    const policy::Decision& outcome() const;
};

bool is_refusal(policy::Verdict verdict);

/// Asks stage by stage until one refuses.
Dialogue ask_all(const policy::relay::Policy& policy,
                 const policy::relay::Client& client, std::string_view mail,
                 std::string_view rcpt);

}  // namespace milters::postern
