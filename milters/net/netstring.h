// Netstrings: `LENGTH:bytes,` with the length in decimal digits.
#pragma once

#include <string>
#include <string_view>

#include "milters/net/server.h"

namespace milters::net {

std::string netstring(std::string_view bytes);

/// Takes a netstring off the front.  Bad: a length that is no number, has
/// needless zeros in front or is above `max`, or no comma at the end.  Pure.
Frame take_netstring(std::string_view input, std::size_t max);

}  // namespace milters::net
