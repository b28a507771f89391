// Who sent a message that is already here, as its own header tells it.
#pragma once

#include <iosfwd>
#include <string>

namespace milters::postern {

/// Empty members are not told.
struct Trail {
    std::string from;         ///< of Return-Path, with brackets
    std::string rcpt;         ///< of the first Received: `for <...>`
    std::string client_addr;  ///< "192.0.2.4", "IPv6:2001:db8::1"
    std::string client_name;
    std::string client_resolve;  ///< OK, FORGED or FAIL
    std::string helo;
};

/// Reads the header of a message, to the first empty line.  Of several
/// Received fields the first counts, which our own MTA has written:
///
///     from HELO (NAME [ADDR]) by ... for <RCPT>; date
///     from HELO (NAME [ADDR] (may be forged)) by ...
///     from HELO ([ADDR]) by ...
///
/// Source: RFC 5321 4.4; HReceived of sendmail.cf.
Trail read_trail(std::istream& message);

}  // namespace milters::postern
