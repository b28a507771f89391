// Decisions as JSON and as text for people.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "milters/postern/dialogue.h"
#include "policy/decision.h"
#include "policy/sendmail/flow.h"

namespace milters::postern {

/// {"policy", "rule", "source", "key", "value"}
nlohmann::ordered_json why_json(const policy::Why& why);

/// What one stage answers: {"action": "ok|reject|tempfail|discard|quarantine"}
/// and, for a refusal, "code", "dsn" and "text"; for quarantine "text".
nlohmann::ordered_json stage_json(const policy::Decision& decision);

/// The dialogue with one recipient.
struct Answer {
    std::string rcpt;
    Dialogue dialogue;
    /// What becomes of the mail, if it is accepted and there is a sendmail.cf.
    std::optional<policy::Result<policy::sendmail::Flow>> flow{};
};

/// Whether the recipient is accepted.
bool taken(const Answer& answer);

/// {"verdict", "stage", "code", "enhanced", "text", "relay", "why", "trace"}
/// of one recipient; of several those of the first that is not accepted, else
/// of the first, and a list of them with "rcpt" under "recipients".  With a
/// flow also "flow": {"steps": [{"stage", "source", "key", "value"}],
/// "deliveries":
/// [{"mailer", "host", "user", "text"}]}, or {"error"} where it is not known.
nlohmann::ordered_json answers_json(const std::vector<Answer>& answers);

/// For people: a line a stage, the reason below it; with `trace` every
/// question too.
void print_answers(const std::vector<Answer>& answers, bool trace,
                   std::ostream& out);

}  // namespace milters::postern
