// Questions to servers.  Each waits without end: ask through in_child().
#pragma once

#include <string>

#include "policy/config/socket_spec.h"

namespace milters::doctor {

/// Connects.  @return empty, or why not, as strerror(3) says it
std::string connect_to(const policy::config::SocketSpec& spec);

/// Asks saslauthd with an empty login, which it refuses before it looks any
/// password up: no PAM call and no failed login in a log.
/// @param path  of its socket, .../mux
/// @return empty, or what is wrong
std::string ask_saslauthd(const std::string& path);

}  // namespace milters::doctor
