// What Dovecot POSTs: the JSON of its auth policy client and of its event
// exporter.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace milters::login {

/// Which of Dovecot's two client addresses counts.
enum class Use {
    remote,  ///< %{rip}: what a trusted proxy or webmail forwarded
    real,    ///< %{real_rip}: who really holds the TCP connection
};

/// What a report says; the strings are set for a login only.
struct HttpReport {
    enum class Outcome {
        login,
        failure,    ///< a wrong password, or refused by a policy server
        ignored,    ///< an event of another kind
        malformed,  ///< no JSON, or a field is missing or of another type
    };
    Outcome outcome = Outcome::malformed;
    std::string ip{}, user{}, service{};
    std::string method{};  ///< empty if the report has none
};

/// Body of `POST ...?command=report`.  Keys read: success, policy_reject,
/// login, protocol, mech, and remote or real; other keys may be there.  A login
/// is only what says "success":true and "policy_reject":false. Source:
/// Dovecot 2.3, auth_policy_request_attributes of contrib/dovecot.
HttpReport parse_policy_report(std::string_view json, Use use);

/// Body of an event_exporter with `format = json`, `transport = http-post`.
/// A login is auth_request_finished with success=yes.
HttpReport parse_event(std::string_view json, Use use);

/// Value of `command` in a query string; empty if there is none.
std::string command_of(std::string_view query);

/// Password of an `Authorization: Basic ...` value; nullopt if it is none.
std::optional<std::string> basic_password(std::string_view header);

}  // namespace milters::login
