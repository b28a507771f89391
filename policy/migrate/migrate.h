// Reads configurations of other programs into a Draft of ours.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/migrate/draft.h"

namespace policy::migrate {

/// Text of a file, and its name for messages.
struct Source {
    std::string path;
    std::string text;
};

/// kavmilter.conf of KavMilter 5.6, and the files of groups.d.
/// Source: user guide of Kaspersky Anti-Virus 5.6 for Sendmail with Milter API.
/// @param disclaimer  the template message_disclaimer; empty: not known
void read_kavmilter(const Source& conf, const std::vector<Source>& groups,
                    const Source& disclaimer, Draft& draft);

/// clamav-milter.conf(5).
/// @param lists  texts of the AllowList files that it names, by path
void read_clamav_milter(const Source& conf, const std::vector<Source>& lists,
                        Draft& draft);

/// Paths of the AllowList files that a clamav-milter.conf names.
std::vector<std::string> allow_lists(const Source& conf);

/// pop-before-smtp-conf.pl of the log follower pop-before-smtp.  Assignments
/// of constants are read; code is left.
void read_pop_before_smtp(const Source& conf, Draft& draft);

/// A grant found in somebody else's map, as `vsmtprelay import` reads it.
struct Entry {
    std::string address;
    std::string ticks;  ///< seconds since 1970
};

/// The addresses of a map of rpc.dracd(8) (address -> time of the login) or of
/// pop-before-smtp (address -> `ok`), given as key and value.
/// @param now   time of those that have none
/// @return false if it is no address or no time
bool read_grant(std::string_view key, std::string_view value, long long now,
                Entry& entry);

// Pieces that the readers share.

/// Lines `key=value` below `[section]`s; `#` and `;` begin remarks.
std::vector<Line> ini_lines(const Source& source);

/// Lines `Key value`.
std::vector<Line> word_lines(const Source& source);

/// One line of the table of a reader: what becomes of a key.
struct Rule {
    std::string_view section;  ///< empty: any
    std::string_view key;      ///< empty: any
    void (*carry)(const Line& line, Draft& draft);
    std::string_view why{};  ///< carry null: why there is nothing to carry
};

/// Carries a line over by the first rule that fits; leaves it if none does.
/// A rule with neither function nor reason takes a line that says what is so
/// anyway.
void apply(const Line& line, const std::vector<Rule>& rules, Draft& draft);

/// yes, true, 1 in any case.
bool is_yes(const std::string& value);

}  // namespace policy::migrate
