// Tags of ours in access.db, beside sendmail's: Virus: and Filter:.
//
//     Virus:lab@example.org     OK
//     Virus:192.0.2             QUARANTINE:from the old gateway
//     Filter:lists.example.org  OK
//     Filter:spam@example.org   550 5.7.1 No mail for this trap
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/decision.h"
#include "policy/map/access.h"
#include "policy/map/map.h"

namespace policy::map {

/// A tag, and the words that may stand alone behind its keys, beside OK and
/// SKIP; in lower case.
struct OwnTag {
    const char* name;
    std::span<const std::string_view> actions;
};
extern const OwnTag virus_tag;
extern const OwnTag filter_tag;

/// What an entry says.
struct TagRuling {
    std::string action;          ///< "ok", or one of OwnTag::actions
    std::string reason;          ///< of QUARANTINE:reason
    std::optional<Reply> reply;  ///< of reject and tempfail, if it has one
    bool understood = true;      ///< false: the action is tempfail
    std::string key;             ///< Virus:lab@example.org
    std::string source;          ///< name of the map

    bool ok() const { return action == "ok"; }
};

/// Reads a right-hand side: a word; `QUARANTINE:reason`; and, as sendmail
/// has them, `### text` and `ERROR:D.S.N:### text`, which refuse, for now if
/// ### begins with 4.  Key and source stay empty.  Pure.
/// @param value  in tokens, not empty
TagRuling read_tag_value(TokenSpan value, const OwnTag& tag, Memory* memory);

/// Whether both say the same, under whatever key.
bool alike(const std::optional<TagRuling>& a,
           const std::optional<TagRuling>& b);

/// access.db as one of the tags sees it.  Any thread.
class TagMap {
public:
    struct Client {
        const ClientAddr& addr;
        std::string_view name;  ///< checked by the MTA; [..], unknown: none
    };
    /// One a recipient, in their order; nullopt: no entry.
    using Rulings = std::vector<std::optional<TagRuling>>;

    /// No entries.
    explicit TagMap(const OwnTag& tag) : TagMap{nullptr, tag, false} {}
    /// @param required  a missing file is an error, not an empty map
    TagMap(std::shared_ptr<Source> map, const OwnTag& tag, bool required)
        : map_{std::move(map)}, tag_{&tag}, required_{required}
    {
    }

    /// What is said of each recipient: user@host, user@, host as for To:, of
    /// what an address such as user%host@relay leads to (policy/readings.h);
    /// where there is nothing, what is said of the client: its name, then
    /// its address, as for Connect:.
    /// @param rcpts  with or without brackets
    /// @return an error when the map cannot be read now
    Result<Rulings> ask(const Client& client,
                        std::span<const std::string> rcpts) const;

    /// Whether the map can be read.
    Status check() const;

private:
    Result<std::shared_ptr<const Snapshot>> current() const;

    std::shared_ptr<Source> map_;
    const OwnTag* tag_;
    bool required_;
};

}  // namespace policy::map
