// One message, several recipients, each with an answer of his own: what of it
// can be done in one SMTP transaction.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "policy/filter/smtp.h"

namespace policy::filter {

/// A recipient and what his recipes want.
struct Copy {
    std::string rcpt;  ///< as the client wrote it
    SmtpOutcome outcome;
};

/// What the milter does at the end of the message.
struct Acts {
    Verdict verdict = Verdict::accept;  ///< of the whole message
    Reply reply{};                      ///< of reject and tempfail
    std::vector<std::size_t> removed;   ///< recipients, by index
    std::vector<std::string> added;     ///< addresses without brackets
    std::vector<HeaderEdit> headers;
    std::optional<std::string> body;
    std::string quarantine;
    /// Recipients want what cannot be done at once; kind of each, by index.
    bool differ = false;
    std::vector<std::size_t> kinds;
    std::vector<std::string> notes;
};

/// Puts answers together.  Pure.
///
/// Discards and redirects are done recipient by recipient.  Where some refuse
/// and others do not, or where they want other headers, bodies or quarantine:
/// @param apart  true: a temporary failure, with `differ` and `kinds`, so that
///               each kind can come by itself (see Apart); false: who refuses
///               is taken off, and only what all want is done to the message;
///               but who refuses for now comes by himself all the same
///
/// Nobody gets two copies: an address that is a recipient already is not added
/// once more, and one that is redirected to is not taken off.
Acts combine(const std::vector<Copy>& copies, bool apart);

/// An address without brackets, domain in lower case: to compare.
std::string plain_address(const std::string& address);

}  // namespace policy::filter
