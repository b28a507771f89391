// Pieces of a recipient's address, and of what maps say in its place.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace policy::sendmail {

/// An address in its parts: `user+detail` `@` `domain`.
struct Address {
    std::string user;    ///< with its detail
    std::string domain;  ///< lower case, without a dot at its end; empty: none
};

/// Takes off `<...>` and a route, `@a:`, and finds the domain.
Address parted(std::string_view text);

/// Without the quotation marks.
std::string unquoted(std::string text);

/// `user` of `user+detail`.
std::string before_plus(const std::string& user);

/// `detail` of it, or nothing.
std::string detail_of(const std::string& user);

/// Puts `arguments` in the place of %1, %2, ... of a map's value.
std::string filled(const std::string& value,
                   const std::vector<std::string>& arguments);

/// `mailer:host` -> its parts; the mailer is `fallback` where none is named.
std::pair<std::string, std::string> mailer_and_host(const std::string& text,
                                                    const char* fallback);

/// What a client reads of an error in a map: `nouser 550 No such user` and
/// `5.7.0:550 No` -> `No such user` and `No`.
std::string error_text(std::string_view value);

// All of these are pure.

}  // namespace policy::sendmail
