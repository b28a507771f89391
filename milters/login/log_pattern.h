// Patterns of log lines that cannot be spoofed by what stands in the line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "milters/login/log_stamp.h"
#include "policy/clock.h"
#include "policy/result.h"

namespace milters::login {

struct Variant;

/// What a line said, as far as its pattern has such fields.
struct LogFields {
    policy::Seconds stamp{};
    std::string ip, user, service, method, host, pid, json;
};

/// One pattern: text that must stand there, and fields in braces.
///
///     {stamp} {host} popa3d[{pid}]: Authentication passed for {user}
///
/// {stamp}    a time stamp (log_stamp.h); every pattern begins with it
/// {host}     the host that logged: a word
/// {pid}      digits; joins two lines
/// {service}  pop3, imap, ipop3d, imapd-ssl, ...; no other name matches
/// {user}     the login: any octets, at least one; once at most
/// {ip}       an IPv4 or IPv6 address; {ip4} only IPv4
/// {name}     a host name: letters, digits, `.`, `-`, `_`; may be empty
/// {word}     letters, digits and ._+/:@-; not empty
/// {method}   a word: how it was proved; `anonymous` is no login
/// {digits}   digits
/// {label}    letters, digits, blanks and ._-; may be empty
/// {more}     any number of `, key=value` or `, word`, after {user}
/// {path}     octets other than blanks and control characters
/// {json}     the rest of the line: an object as Dovecot's exporter logs it
/// {syslog}   `{stamp} {host} `, also with BSD's `<facility.level> ` between
/// {a|b}      one of these words
/// {?...}     may be missing
/// {{         a brace
///
/// Why this and no regular expressions: a login name is the one field whose
/// octets a stranger chooses, also in the lines of failed logins.  So a
/// pattern is anchored at both ends; what is left of {user} is matched from
/// the left, what is right of it from the right, by fields that cannot reach
/// over their neighbours; the name is what remains.  A pattern where that is
/// not certain is refused.  It costs no library, no stack and one pass.
class LogPattern {
public:
    /// An error says what is wrong with the pattern.
    static policy::Result<LogPattern> make(std::string_view text);

    /// nullopt if the line is another one.
    /// @param line   without newline
    /// @param stamp  what read_stamp() found at its start
    std::optional<LogFields> match(std::string_view line,
                                   const Stamp& stamp) const;

    /// Whether every line that matches has this field: "ip", "pid", ...
    bool has(std::string_view field) const;

private:
    std::shared_ptr<const std::vector<Variant>> variants_;
};

}  // namespace milters::login
