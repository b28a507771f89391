// What the MTA tells about an SMTP client, as the relay policy wants it.
#pragma once

#include <string>
#include <string_view>

#include "milters/milter/session.h"
#include "policy/relay/policy.h"

namespace milters::relay {

/// Macros that are asked for, by stage.  {client_*} and j are not among the
/// MTA's own choice.
inline constexpr const char* connect_macros =
    "j _ i {daemon_name} {client_addr} {client_name} {client_ptr} "
    "{client_resolve} {client_rate} {client_connections}";
inline constexpr const char* helo_macros =
    "{tls_version} {verify} {cert_issuer} {cert_subject}";
inline constexpr const char* mail_macros =
    "i {auth_type} {auth_authen} {verify} {cert_issuer} {cert_subject} "
    "{mail_addr}";
inline constexpr const char* rcpt_macros = "i {rcpt_mailer} {rcpt_addr}";
inline constexpr const char* eom_macros = "i {msg_id}";

/// How the client's name was found where no {client_resolve} tells, as with
/// Postfix: `name` is empty unless it leads back, `ptr` unless there is one.
policy::relay::Resolve resolve_by_names(const std::string& name,
                                        const std::string& ptr);

/// At connect: address, name and how the name was found.  From {client_addr},
/// {client_ptr}, {client_name} and {client_resolve} where the MTA sends them
/// (sendmail), else from what connect itself carries (Postfix, whose
/// "unknown" means that the name could not be found or did not fit).
///
/// A client without an address is sendmail's own local pipe (`sendmail -bs`)
/// only if its name is localhost.  Any other gets the address 0.0.0.0, which
/// nobody has and no rule lets relay: what we do not know is not local.
policy::relay::Client client_at_connect(milter::Context& mta,
                                        const milter::Peer& peer);

/// What STARTTLS has shown.  Asked anew at MAIL, since the client may have
/// started over.
void add_tls(policy::relay::Client& client, milter::Context& mta);

/// Who has logged in by SMTP AUTH.  Never from a header.
void add_auth(policy::relay::Client& client, milter::Context& mta);

/// The path of a MAIL or RCPT argument: what is behind a blank outside quotes
/// and brackets is not part of it.  Some MTAs hand ESMTP arguments over with
/// the address in one piece.
std::string_view path_of(std::string_view argument);

/// Whether mail goes out through this host by this decision, to somewhere
/// else: not for local recipients, which anybody may write to.
bool is_relayed(const policy::Decision& decision);

}  // namespace milters::relay
