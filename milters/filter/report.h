// What is written down about a message.
#pragma once

#include <string>

#include "milters/filter/judge.h"

namespace milters::filter {

/// A line in the log for each recipient and one for the message, and a JSON
/// object in the file of decisions.
void report(const Runtime& runtime, const Letter& letter,
            const Judgement& judgement, const policy::filter::Acts& acts);

/// An error.
void complain(const Runtime& runtime, const Letter& letter,
              const std::string& what);

}  // namespace milters::filter
