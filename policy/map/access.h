// Lookups in access.db as sendmail's rulesets D, A, F, U and E make them, and
// lists of them (SearchList).  Source: cf/README, section "Anti-spam
// configuration control"; proto.m4.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/map.h"
#include "policy/tokens.h"

namespace policy::map {

/// Options that FEATURE(access_db) takes after the map.
struct AccessOptions {
    bool skip = false;       ///< SKIP ends a D or A lookup
    bool dotdomain = false;  ///< `.rest` is asked for too
};

/// Whether a key without the tag counts as well.
enum class Mark {
    bare_too,     ///< `+`: the tagged key first, then the key alone
    tagged_only,  ///< `!`
};

/// What kind of key is asked for.
enum class Lookup {
    domain,   ///< D: name or [address]; nearest parent wins
    address,  ///< A: IP address; nearest network by whole octets or groups
    full,     ///< F: user@domain; +detail is left out step by step
    user,     ///< U: user@; the same
    exact,    ///< E
};

/// One entry of a SearchList.
struct Wanted {
    Lookup lookup;
    TokenSpan key;
};

/// Outcome of a lookup.
struct Found {
    enum class State { nothing, value, failed };
    State state = State::nothing;
    Token tag{};              ///< as asked; empty where the bare key matched
    std::string_view key{};   ///< as asked, without the tag
    std::string_view text{};  ///< right-hand side as the file has it
    TokenSpan value{};        ///< the same in tokens; empty unless value

    bool is(Token word) const
    {
        return value.size() == 1 && same(value[0], word);
    }
    /// `Connect:192.0.2`, or without tag.
    std::string full_key() const;
};

/// Keys asked for, in order, as sendmail -d38.20 shows them.
using Probes = std::vector<std::string>;

/// access.db for the length of one decision.  What it returns lives as long
/// as `memory` and the snapshot.
class Access {
public:
    /// @param snapshot  null: the map cannot be read, every lookup fails
    /// @param probes    takes the keys that are asked for; may be null
    Access(const Snapshot* snapshot, AccessOptions options, Memory* memory,
           Probes* probes = nullptr)
        : snapshot_{snapshot},
          options_{options},
          memory_{memory},
          probes_{probes}
    {
    }

    Found find(Lookup lookup, TokenSpan key, Token tag, Mark mark) const;

    /// The first hit of a list.
    Found search(std::initializer_list<Wanted> list, Token tag,
                 Mark mark) const;

    /// One key, with a tag or (tag empty) without, and nothing around it.
    Found one(Token tag, TokenSpan key) const;

private:
    class Key;
    class Walk;
    friend class Walk;

    /// Looks `key` up as the map has it; false if there is no value.
    bool ask(std::string_view key, bool quoted, Found& found) const;

    const Snapshot* snapshot_;
    AccessOptions options_;
    Memory* memory_;
    Probes* probes_;
};

/// A right-hand side with `%0` replaced by the key and `%%` by `%`, in tokens;
/// a single word stays where `text` is.
Tokens value_tokens(std::string_view text, std::string_view key,
                    Memory* memory);

}  // namespace policy::map
