// `postern explain --batch`: cases in, answers out, a JSON object a line.
#pragma once

#include <iosfwd>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "milters/postern/case.h"

namespace milters::postern {

/// Answers cases.  For one thread.
class Batch {
public:
    /// The answer to one case; `{"error": ...}` if it is no case.  Never
    /// throws.
    nlohmann::ordered_json answer(const std::string& line);

private:
    nlohmann::ordered_json decide(const nlohmann::json& one_case);
    nlohmann::ordered_json look_up(const nlohmann::json& one_case);
    const CaseConfig& config_of(const nlohmann::json& one_case);

    std::string config_text_;  ///< that config_ was made of
    std::unique_ptr<CaseConfig> config_;
};

/// Reads cases until the end of `in`.  Returns an exit code.
int run_batch(std::istream& in, std::ostream& out);

}  // namespace milters::postern
