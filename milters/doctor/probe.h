// Questions to servers.  Each waits without end: ask through in_child().
#pragma once

#include <string>

#include "policy/config/socket_spec.h"

namespace milters::doctor {

/// Connects.  @return empty, or why not, as strerror(3) says it
std::string connect_to(const policy::config::SocketSpec& spec);

/// Name of the program that listens at a unix socket, as the kernel knows it
/// (15 letters); empty where nobody does, or the kernel does not tell.  Waits
/// for nobody.
std::string program_that_listens(const policy::config::SocketSpec& spec);

/// What clamd answers to VERSION; or why it does not.
std::string ask_clamd(const policy::config::SocketSpec& spec);

/// Asks saslauthd with an empty login, which it refuses before it looks any
/// password up: no PAM call and no failed login in a log.
/// @param path  of its socket, .../mux
/// @return empty, or what is wrong
std::string ask_saslauthd(const std::string& path);

}  // namespace milters::doctor
