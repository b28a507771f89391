// The one place where what we say is made fit for libmilter: replies, and
// values of headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/decision.h"

namespace milters::milter {

/// A reply as smfi_setreply(3) and smfi_setmlreply(3) take it: percent signs
/// doubled, no control bytes, lines short enough.
struct WireReply {
    std::string code;                ///< "550"
    std::string enhanced;            ///< "5.7.1", or empty
    std::vector<std::string> lines;  ///< at least one; may be an empty text

    bool temporary() const { return code.front() == '4'; }

    friend bool operator==(const WireReply&, const WireReply&) = default;
};

/// Longest line of text given to the MTA, after percent signs are doubled.
/// RFC 5321 4.5.3.1.5 has 512 octets for the whole line; libmilter takes 980.
inline constexpr std::size_t max_reply_line = 480;
/// libmilter takes no more lines than this.
inline constexpr std::size_t max_reply_lines = 32;

/// Pure.  A code that refuses nothing (not 4yz or 5yz) becomes the temporary
/// failure of our own: a mistake must not turn into an accept.  A malformed
/// enhanced code is left out.  LF, CRLF and CR in the text end a line; other
/// control bytes become blanks; bytes above 127 stay.  Text that is too long
/// is folded at blanks, and cut after max_reply_lines.
WireReply wire_reply(const policy::Reply& reply);

/// Pure.  A value that is one header field, whatever is in it: a line behind
/// the first begins with a blank, or gets one.
std::string wire_header(std::string_view value);

}  // namespace milters::milter
