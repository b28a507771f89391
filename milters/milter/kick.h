// Connections to the milter's own socket.
#pragma once

#include "milters/net/socket.h"

namespace milters::milter {

/// Where kick() connects to.  Before threads start.
void set_kick_target(const net::SocketSpec& socket);

}  // namespace milters::milter
