// What is spoken on relay-milter's control socket: one JSON object a line,
// request and answer in turn.
//
//   {"command":"add","address":"192.0.2.7","user":"bob","for":7200}
//   {"ok":true,"entries":"192.0.2.7\t1700000000 user=bob until=1700007200\n"}
//   {"command":"delete","addresses":["192.0.2.9"]}
//   {"ok":false,"exit":1,"error":"192.0.2.9: not found"}
//
// Grants travel as text, a line each, key <tab> value as in relayers.db(5).
// The commands are in handler.h.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "policy/relayers/store.h"
#include "policy/result.h"

namespace milters::control {

using Json = nlohmann::json;

/// A longer request is refused; `import` sends its entries in parts.
inline constexpr std::size_t max_request = 1'000'000;
inline constexpr std::size_t import_part = max_request / 2;

/// Where relay-milter listens by default.
inline constexpr const char* default_socket = "/run/postern/control.sock";

/// sysexits(3) for a failure: 64 usage, 65 bad address or damaged file, 73
/// cannot read or write, 75 locked or no answer, 77 not permitted.
int exit_code(policy::Errc code);

Json failure(const policy::Error& error);
Json failure(int exit, std::string text);

/// An answer or request as a line, with its newline.
std::string line_of(const Json& json);

/// Grants as text, and back.
std::string entries_text(const std::vector<policy::relayers::Grant>& grants);

/// @param name  for errors, which are of the form name:line: what
policy::Result<std::vector<policy::relayers::Grant>> parse_entries(
    std::string_view text, const std::string& name);

/// An address or network as an administrator writes it.
policy::Result<policy::Network> parse_target(std::string_view text);

/// The same for one that shall be granted: what is too wide (width.h) is
/// refused, as 0.0.0.0/0 is, which would open the relay to everybody.
policy::Result<policy::Network> parse_grantee(std::string_view text);

}  // namespace milters::control
