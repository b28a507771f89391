// The configuration in force: every setting, its value, and why it has it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/config/config.h"

namespace policy::config {

/// One setting as it counts.
struct Setting {
    const Key* key;
    std::string name;            ///< members of a sequence with their index
    std::optional<Value> value;  ///< nullopt: there is none; see Key::about
    std::string origin;          ///< `file:line`, `command line` or `default`
};

/// All of them, in the order of keys().  A default that follows from
/// other settings, as relay.map_socket from relay.socket, is spelt out.
std::vector<Setting> effective(const Config& config);

/// The same as YAML that load() reads back, the origin behind each value as a
/// remark; what has no value is a remark as a whole.
std::string print_effective(const Config& config);

/// YAML of some of them.
std::string print_settings(const std::vector<Setting>& settings);

/// A value as YAML on one line.
std::string yaml_text(const Key& key, const Value& value);

}  // namespace policy::config
