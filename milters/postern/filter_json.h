// Runs of recipes as JSON: the form of `postern filter --trace`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "policy/filter/smtp.h"
#include "policy/recipe/outcome.h"

namespace milters::postern {

/// JSON strings carry bytes: each code point below 256 is one byte.
std::string bytes_of(const std::string& json_text);
std::string text_of(std::string_view bytes);

/// What of a run is shown.
struct TraceForm {
    /// An EXITCODE that only the end of the run set is no assignment.
    bool hidden_exit_code = true;
    bool log_variables = false;  ///< VERBOSE and its like are assignments too
};

/// trace, assigns, deliveries, score, vars, clones, errors, exit.
nlohmann::json to_json(const policy::recipe::Outcome& outcome,
                       const TraceForm& form);

/// The list of what the milter would do: {"do": "reject", ...} and so on.
nlohmann::json to_json(const policy::filter::SmtpOutcome& outcome);

}  // namespace milters::postern
