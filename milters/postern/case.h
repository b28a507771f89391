// One case of `postern explain --batch`: a configuration, a client, what it
// says, and the DNS of that case.  See postern(8), BATCH CASES.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/relay/policy.h"

namespace milters::postern {

/// Answers for the names of one case: everything exists but what ends in
/// .invalid (does not) or .tempfail (cannot be asked) and what the case says.
class CaseDns {
public:
    /// Throws nlohmann::json::exception or std::invalid_argument.
    explicit CaseDns(const nlohmann::json& one_case);

    policy::relay::NameStatus status(std::string_view name) const;
    /// As World::canonical.
    std::string canonical(std::string_view name) const;

private:
    std::string pointer(std::string_view literal) const;
    bool is_client(std::string_view literal) const;

    nlohmann::json names_;
    /// The client's address unless a reverse lookup finds nothing, and what
    /// it finds: empty where there is no answer.
    std::string client_literal_, client_name_;
};

/// The maps and settings of a case.
struct CaseConfig {
    /// Throws nlohmann::json::exception or std::invalid_argument.
    explicit CaseConfig(const nlohmann::json& config);

    policy::relay::Settings settings;
    std::shared_ptr<policy::map::Source> access;
    std::shared_ptr<policy::map::Source> relayers;
};

/// Throws nlohmann::json::exception or std::invalid_argument.
policy::relay::Client client_of(const nlohmann::json& one_case);

}  // namespace milters::postern
