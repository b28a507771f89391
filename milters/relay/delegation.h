// Postfix policy delegation (SMTPD_POLICY_README, check_policy_service).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "milters/net/server.h"
#include "milters/relay/runtime.h"

namespace milters::relay {

using Attributes = std::map<std::string, std::string, std::less<>>;

inline constexpr std::size_t max_policy_request = 64 * 1024;

/// Takes `name=value` lines up to an empty line off the front.  Pure.
net::Frame take_attributes(std::string_view input);

/// The lines of a request.  Lines without `=` are ignored, as Postfix asks.
Attributes attributes_of(std::string_view request);

/// The action for one request, by its protocol_state:
///
///     DUNNO                     nothing against it, and no right to relay;
///                               also for states that nothing is known about
///     OK                        RCPT: the client may relay (a grant,
///                               access.db, SMTP AUTH, a class)
///     550 5.7.1 text            refused as sendmail would, 4yz or 5yz
///     DISCARD text, HOLD text   of access.db
///     DEFER_IF_PERMIT 4.3.0 ..  what is no smtpd_access_policy request
///
/// At RCPT connect and MAIL are judged too, since Postfix asks then only.
/// What is local must be known to relay.local_host_names, as with sendmail.
std::string policy_action(const Runtime& runtime, const Attributes& request);

/// The protocol for net::Server.
net::Protocol delegation_protocol(
    std::function<std::shared_ptr<const Runtime>()> runtime);

}  // namespace milters::relay
