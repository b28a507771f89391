// Asks a milter whether it serves, as an MTA does.
#pragma once

#include <chrono>
#include <string>

#include "policy/config/socket_spec.h"

namespace milters::net {

/// A connected stream socket, -1 with errno set if there is none.  The caller
/// closes it.
/// @param limit  for each step of what is done with it; 0: none
int connect_to(const policy::config::SocketSpec& spec,
               std::chrono::milliseconds limit);

/// Connects and negotiates, then says good-bye.
/// @param limit  for each of its three steps; 0: none
/// @return empty, or what is wrong: "connect: ...", "it closed the
///         connection", ...
std::string negotiate(const policy::config::SocketSpec& spec,
                      std::chrono::milliseconds limit);

}  // namespace milters::net
