// Sections of the table of keys that have files of their own.
#pragma once

#include <span>
#include <vector>

#include "policy/config/keys.h"

namespace policy::config {

/// virus: scanning.
std::span<const Key> virus_keys();
/// virus: what is done about a verdict, and for whom.
std::span<const Key> virus_rule_keys();
/// virus: notices, quarantine, disclaimer, control.
std::span<const Key> aftermath_keys();

/// filter: recipes and what they may do.
std::span<const Key> filter_keys();

/// Brings what is of one section together, as YAML has it: a section that
/// stands there twice could not be read back.
void group_by_section(std::vector<Key>& keys);

/// postern: the milters that share a process.
std::span<const Key> postern_keys();

}  // namespace policy::config
