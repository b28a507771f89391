// What is wrong with a setting that reads well: for Part::check().
#pragma once

#include <string>

#include "policy/config/config.h"

namespace milters::milter {

/// Adds "file:line: setting: text" unless `text` is empty.
void complain(policy::config::Problems& problems,
              const policy::config::Config& config, const std::string& setting,
              const std::string& text);

/// Why this process cannot make files in a folder; empty: it can.
std::string why_not_writable(const std::string& folder);

/// Why this process cannot read, or run, a file; empty: it can.
std::string why_not_readable(const std::string& file);
std::string why_not_runnable(const std::string& file);

}  // namespace milters::milter
