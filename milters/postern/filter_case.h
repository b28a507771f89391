// One case of `postern filter --batch`: a rc, a message and what is around
// them, as one JSON object.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/recipe/plan.h"
#include "policy/recipe/world.h"

namespace milters::postern {

class FilterHost;

/// What a case or the command line says.
struct FilterCase {
    std::string rc;
    std::string rc_name;  ///< for messages
    std::string message;
    std::optional<std::string> from;
    std::vector<std::string> arguments;
    std::vector<std::string> presets;          ///< NAME=value
    std::map<std::string, std::string> files;  ///< below home
    std::vector<std::string> directories;
    std::string user = "alice";
    std::string home = "/home/alice";
    std::string host = "mx.oracle.test";
    long long now = 1000000000;  ///< of the From_ line, seconds since 1970
    bool as_delivery_agent = false;
    bool keep_log_variables = false;  ///< in the trace: see TraceForm
};

/// Reads the members rc, message, from, args, files, dirs, preset,
/// keep_log_vars.
/// Throws nlohmann::json::exception where one has a wrong type.
FilterCase read_case(const nlohmann::json& object);

/// What procmail's environment holds before the rc file.
policy::recipe::RunSetup setup_of(const FilterCase& given);

/// Runs a case.  -> the object that is printed: a trace, or
/// {"error": "file:line: text; ..."} where the rc is refused.
/// @param host  files that the case does not bring, maps, programs and what
///              actions mean; null: there are none, and the usual meaning
nlohmann::json run_case(const FilterCase& given, FilterHost* host = nullptr);

}  // namespace milters::postern
