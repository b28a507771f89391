// A grant as key and value of relayers.db(5).  Example:
//
//   192.0.2.7                     906502527
//   192.0.2.8                     906502527 user=bob proto=pop3
//   192.0.2.0/24                  906502527 until=1700000000
//   reason=the%20office ipv6:2001:db8:0:1:0:0:0:5     906502527 user=bob
//   proto=imap ipv6:2001:db8:0:1:0:0:0:0/64  906502527 user=bob proto=imap
//   opener=...
//
// Readers of 1.1.0 and `K relayers` see the address and, with atoi(3), the
// time; what follows the first blank is ours.  Networks match no address that
// sendmail looks up.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "policy/relayers/store.h"

namespace policy::relayers {

/// makemap refuses lines of 1024 octets; so that what `dump` prints can be
/// rebuilt, values stay well below.
inline constexpr std::size_t max_value = 900;

/// sendmail refuses mail where a token of a value is longer (MAXNAME).
inline constexpr std::size_t max_token = 255;

/// 9999-12-31 23:59:59 UTC, the last that asctime(3) can show.
inline constexpr std::int64_t max_ticks = 253402300799;

/// `192.0.2.7`, `ipv6:2001:db8:0:1:0:0:0:5`, `192.0.2.0/24`: the one spelling
/// that is written, which for an address is what sendmail looks up.
std::string key_of(const Network& network);

/// Any spelling that Network::parse knows, in any case.
std::optional<Network> network_of(std::string_view key);

/// `906502527 user=bob proto=pop3`, as percent_encoded() writes the words.
/// @return Errc::usage if it gets longer than max_value or a token of it than
///         max_token, or the time cannot be written
Result<std::string> value_of(const Grant& grant);

/// nullopt if the key is no address or network or the value does not begin
/// with a time or ends at something else: a damaged or foreign entry opens no
/// relay.  Words of the value that are not known are kept as they are.
std::optional<Grant> grant_of(std::string_view key, std::string_view value);

/// Reads the words behind the time into `grant`.  false if one of them is a
/// time that is none.
bool read_words(std::string_view words, Grant& grant);

/// Octets outside of printable ASCII, blanks and "()<>\% as %XX, and back.  A
/// % that no two hex digits follow stands for itself.  Pure.
std::string percent_encoded(std::string_view text);
std::string percent_decoded(std::string_view text);

/// Decimal seconds since 1970, within 0..max_ticks; nothing else.
std::optional<Seconds> parse_ticks(std::string_view text);

}  // namespace policy::relayers
