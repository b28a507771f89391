// What a policy answers: a verdict, the SMTP reply that goes with it, edits,
// and why.  The log line, `postern explain` and the trace print this same
// object.  Only the milter layer turns it into calls of libmilter.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace policy {

/// The step of the SMTP dialogue at which something is decided.
enum class Stage { connect, helo, mail, rcpt, data, header, eoh, body, eom };

/// What becomes of the connection, sender, recipient or message.
enum class Verdict {
    accept,      ///< nothing against it
    reject,      ///< 5yz
    tempfail,    ///< 4yz
    discard,     ///< 2yz, and not delivered
    quarantine,  ///< 2yz, and held
};

/// An SMTP reply (RFC 5321) with its enhanced status code (RFC 3463).
struct Reply {
    int code = 250;
    std::string enhanced;  ///< "5.7.1"; empty where there is none
    std::string text;      ///< without code; bytes as the map has them

    friend bool operator==(const Reply&, const Reply&) = default;
};

/// The answer for every failure of our own (RFC 3463 4.3.0): the sender tries
/// again.  Same words as sendmail has for a map that cannot be read.
inline Reply temporary_failure()
{
    return {451, "4.3.0", "Temporary system failure. Please try again later."};
}

/// One reason: which rule spoke, and from what.
struct Why {
    std::string policy;  ///< "relay", "virus", "filter"
    std::string rule;    ///< "access Connect:", "relay-domains", ...
    std::string source;  ///< file or file:line, or "" for a built-in rule
    std::string key;     ///< the map key or class member that matched
    std::string value;   ///< its right-hand side
};

/// Changes to a message that was not refused; executed in order at eom.
struct AddHeader {
    std::string name, value;
};
struct DeleteRecipient {
    std::string rcpt;
};
struct AddRecipient {
    std::string rcpt;
};
using Edit = std::variant<AddHeader, DeleteRecipient, AddRecipient>;

/// The whole answer.  `why` is the reason that decided; `trace`, where one was
/// asked for, holds every question asked on the way, in order, `why` last.
struct Decision {
    Verdict verdict = Verdict::accept;
    Stage stage = Stage::rcpt;  ///< where it was decided
    Reply reply{};
    bool relay = false;  ///< the client may relay (only set at rcpt)
    std::vector<Edit> edits{};
    Why why{};
    std::vector<Why> trace{};
};

/// "connect", "mail", ... as in logs and JSON.
const char* name_of(Stage stage);
/// "accept", "reject", ... as in logs and JSON.
const char* name_of(Verdict verdict);

}  // namespace policy
