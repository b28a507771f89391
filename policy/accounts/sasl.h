// Accounts of Cyrus SASL.  The only owner of libsasl2.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/accounts/directory.h"

namespace policy::accounts {

struct SaslOptions {
    /// Name of the configuration file without `.conf`: sendmail's own.
    std::string app = "Sendmail";
    /// Folders where it is looked for, divided by `:`; empty: those of
    /// sasl_folders().
    std::string folders{};
    /// Realm of names without `@`; empty: `host`.
    std::string realm{};
    std::string host{};  ///< this host's name, as sendmail's $j
};

/// sasl_user_exists(3) by the auxprop plugins of the configuration (sasldb,
/// sql, ldapdb).
///
/// An error when the configuration says that passwords are checked by
/// something else than auxprop: saslauthd, for one, knows of no user without
/// a password (libsasl2 2.1.28 crashes if asked), so "gone" could not be
/// told from "elsewhere".  Use passwd() or map_keys() then.
///
/// libsasl2 is initialised once for the process: a second Directory shares
/// it, and one with another app or other folders is an error while the first
/// lives.  sasl_user_exists has no deadline: ask through Accounts.
Result<std::unique_ptr<Directory>> sasl(const SaslOptions& options);

/// Where libsasl2 looks by default, in order; the first file found counts.
std::vector<std::string> sasl_folders();

/// Value of an option in a SASL configuration file's text; empty if it is not
/// there.  Read as libsasl2 reads it: names in any case, `#` comments.  Pure.
std::string sasl_option(const std::string& text, const std::string& option);

}  // namespace policy::accounts
