// What is written down about a message.
#pragma once

#include <string>

#include "milters/virus/transaction.h"
#include "policy/scan/plan.h"

namespace milters::virus {

/// One line in the log, a JSON object in the file of decisions, and the
/// numbers.
/// @param time  from the end of the message to our answer
/// @param kept  id of the copy, or empty
void report(const Runtime& runtime, const Transaction& mail,
            const policy::scan::Verdict& verdict,
            const policy::scan::Plan& plan, std::chrono::microseconds time,
            bool remembered, const std::string& kept);

/// A message that was not scanned.
void report_exempt(const Runtime& runtime, const Transaction& mail,
                   const std::string& why);

/// A recipient who is asked to come with a message of his own.
void report_split(const Runtime& runtime, const Transaction& mail,
                  const std::string& rcpt, const std::string& group);

}  // namespace milters::virus
