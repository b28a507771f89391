// What an envelope address leads to, as far as its form tells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// The addresses that one may mean to an MTA, what it says first and what it
/// leads to last: `user%host@relay` is also user@host, as are `host!user@relay`
/// and `"user@host"@relay`.  Each is without brackets, source route, comments,
/// quotes, backslashes and dots at the end, so that "b\oss"@here. is boss@here.
/// Never empty; after 16 the last one is empty, which nobody lists.
/// Source: RFC 5321 4.1.2, RFC 1123 5.2.16; proto.m4, ruleset canonify.
std::vector<std::string> readings(std::string_view address);

/// What is said of an address: of what it leads to; but an exemption counts
/// only if each of its readings is exempt.
/// @param said     of one reading
/// @param exempts  whether something said is an exemption
template <class Said, class Exempts>
auto said_of(std::string_view address, Said said, Exempts exempts)
{
    const auto all = readings(address);
    auto out = said(all.front());
    for (std::size_t i = 1; i < all.size(); ++i) {
        auto inner = said(all[i]);
        if (!exempts(inner) || exempts(out))
            out = std::move(inner);
    }
    return out;
}

}  // namespace policy
