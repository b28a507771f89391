// The macros of a sendmail.cf: its D lines, and those that sendmail sets.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/sendmail/cf.h"

namespace policy::sendmail {

/// Names without braces: `j`, `Host`.  A macro that is not set is empty.
class Macros {
public:
    /// @param host_name  full name of the host, for $j, $w and $m
    Macros(const Cf& cf, const std::string& host_name);

    void set(std::string_view name, std::string value);
    /// As it was set.
    std::string value(std::string_view name) const;

    /// Text with the values of its macros, and of those in them.  Signs that
    /// are no macros ($*, $1, $&x, $=x) stay.  Source: the guide, 5.1.1.
    std::string expanded(std::string_view text) const;

private:
    std::string part(std::string_view& text, int depth, bool inside) const;
    std::string conditional(std::string_view& text, int depth) const;

    std::map<std::string, std::string, std::less<>> values_;
};

/// `{Host}` -> `Host`.
std::string_view without_braces(std::string_view name);

}  // namespace policy::sendmail
