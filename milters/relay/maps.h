// Answers of the socketmap server.  Protocol: sendmail's socket map class,
// socketmap_table(5) of Postfix.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "milters/net/server.h"
#include "milters/relay/runtime.h"

namespace milters::relay {

/// Longest request, in octets: an SMTP path and a map's name are far shorter.
inline constexpr std::size_t max_map_request = 4096;

/// Answers `NAME KEY` as the status word, a blank and the value or reason:
///
///     relayers ADDRESS          OK TICKS ...   the login's time and what else
///                               the map's value in relayers.db would say
///     relayers_postfix ADDRESS  OK OK          an access(5) action
///     access KEY                OK VALUE       as the map has it
///
/// `NOTFOUND ` if there is no entry, or no grant that counts now; `TEMP why`
/// if the map or the store cannot be read; `PERM why` for an unknown map or
/// for what is no question.  An address may be in any spelling; what is no
/// address (a host name, `192.0.2`) is not found, since Postfix asks for
/// names and parent networks too.
///
/// There is always a blank after the word: without it sendmail 8.17.1
/// crashes.  Pure but for the maps.
std::string answer_map(const Runtime& runtime, std::string_view request);

/// The protocol for net::Server.
net::Protocol socketmap_protocol(
    std::function<std::shared_ptr<const Runtime>()> runtime);

}  // namespace milters::relay
