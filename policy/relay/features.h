// The FEATUREs of the .mc file that the relay decision knows, by name.
// Source: cf/README, section FEATURES, and the files in cf/feature.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "policy/map/access.h"
#include "policy/result.h"

namespace policy::relay {

/// One switch for each FEATURE, or argument of one.  All off is a .mc file
/// without features.
struct Features {
    bool access_db = false;
    map::AccessOptions access{};
    bool relay_to_full_address = false;  ///< access_db ... relaytofulladdress
    bool blocklist_recipients = false;
    bool delay_checks = false;
    bool spam_friend = false;    ///< delay_checks with friend
    bool spam_hater = false;     ///< delay_checks with hater
    bool spam_tags_too = false;  ///< delay_checks without its third argument:
                                 ///< SPAMFRIEND, SPAMHATER are no To: errors
    bool relay_hosts_only = false;
    bool relay_entire_domain = false;
    bool relay_local_from = false;
    bool relay_mail_from = false;
    bool relay_mail_from_domain = false;
    bool accept_unresolvable_domains = false;
    bool accept_unqualified_senders = false;
    bool promiscuous_relay = false;
    bool loose_relay_check = false;
    bool use_client_ptr = false;
    bool require_rdns = false;
    bool uucp = true;             ///< off with nouucp
    bool uucp_reject = false;     ///< nouucp with reject
    bool percent_hack = true;     ///< off with nopercenthack
    bool percent_reject = false;  ///< nopercenthack with reject
    bool canonify = true;         ///< off with nocanonify
    bool rate_control = false;
    bool rate_immediate = false;  ///< nodelay
    bool rate_terminate = false;
    bool conn_control = false;
    bool conn_immediate = false;
    bool conn_terminate = false;
    bool drac = false;
    bool mail_macro = false;     ///< _FFR_MAIL_MACRO, as OSTYPE(debian)
    bool relayers_auth = false;  ///< Local_Relay_Auth asks relayers
    bool relayers_rcpt = false;  ///< Local_check_rcpt asks relayers
};

/// Reads names as "delay_checks:friend:n"; the error names the first that is
/// unknown, or that needs another one.
Result<Features> read_features(const std::set<std::string, std::less<>>& names);

/// Every name that read_features knows, for usage texts.
std::span<const std::string_view> feature_names();

}  // namespace policy::relay
