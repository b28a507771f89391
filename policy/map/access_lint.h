// Finds entries of access.db that do nothing, or not what they seem to say.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace policy::map {

/// What FEATURE(`access_db') was given, since some entries live by it.
struct LintOptions {
    bool skip = false;             ///< the option `skip'
    bool dotdomain = false;        ///< the option `lookupdotdomain'
    bool relay_mail_from = false;  ///< FEATURE(`relay_mail_from')
    bool compressed_ipv6 = false;  ///< confUSE_COMPRESSED_IPV6_ADDRESSES
};

/// One finding.
struct Finding {
    enum class Kind {
        refused,    ///< makemap does not store it
        dead,       ///< stored, and never found
        dangerous,  ///< found, and does something else than it seems to say
    };
    std::size_t line;  ///< from 1
    Kind kind;
    std::string key;    ///< as written
    std::string cause;  ///< a clause: "CIDR is not understood"
    std::string cure;   ///< an imperative: "write one line a network: ..."
};

/// "refused", "dead", "dangerous".
const char* name_of(Finding::Kind kind);

/// Reads the source text of an access map.
/// @return findings in order of line; empty if the text is fine
/// Pure.  Source: cf/README, "Anti-spam configuration control"; makemap(8);
/// what sendmail 8.17.1 answers for such entries.
std::vector<Finding> lint_access(std::string_view text,
                                 const LintOptions& options);

}  // namespace policy::map
