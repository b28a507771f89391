// What the .mc file and the class files say about this host, made ready for
// decisions: features as switches, classes as tables.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/table.h"
#include "policy/relay/features.h"
#include "policy/relay/policy.h"
#include "policy/tokens.h"

namespace policy::relay {

/// A class such as w or R: words or phrases, compared without case.  Const
/// after construction.
class NameClass {
public:
    explicit NameClass(const std::vector<std::string>& words);

    /// Whether all of `tokens` is a member.
    bool has(TokenSpan tokens, Memory* memory) const;
    /// Whether tokens up to the end, from any of them on, are a member: as
    /// `$* $=R` matches, so example.net matches a.example.net.
    bool has_end_of(TokenSpan tokens, Memory* memory) const;
    /// Whether leading tokens are a member, as `$=R $*` matches: 192.0.2
    /// matches 192.0.2.4.
    bool has_start_of(TokenSpan tokens, Memory* memory) const;

private:
    /// Whether a member may begin with this token: most names are told from
    /// their first byte.
    bool may_begin_with(Token token) const
    {
        return first_bytes_[static_cast<unsigned char>(fold(token.front()))];
    }

    std::shared_ptr<const map::Table> members_;
    std::bitset<256> first_bytes_;
};

/// Const after construction; any number of threads may read it.
struct Site {
    static Result<std::shared_ptr<const Site>> make(const Settings& settings);

    Site(const Settings& settings, const Features& switches);
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    const Features features;
    const NameClass local;          ///< class w
    const NameClass relay_domains;  ///< class R
    const NameClass entire_domain;  ///< class m
    const NameClass trust_auth_mech;
    const bool authenticates;  ///< TRUST_AUTH_MECH names something
    const std::string local_names_file, relay_domains_file;
    const bool compressed_ipv6;
    const std::string domain;       ///< $j
    const std::string host_domain;  ///< $m
    const std::vector<Token> domain_tokens;
    const std::vector<Token> host_domain_tokens;
    /// Ends of an address that claims to be of this host, whatever it is
    /// called: @localhost, @[127.0.0.1], ...
    const std::vector<std::vector<Token>> localhost_claims;
};

}  // namespace policy::relay
