// What is done about a verdict, by sender, recipient, client and signature.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/address.h"
#include "policy/clock.h"
#include "policy/decision.h"
#include "policy/scan/mask.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

/// From the mildest to the strictest.
enum class Action {
    accept,      ///< delivered, and the header says what it is
    tag,         ///< the same, and the subject says so too
    rename,      ///< delivered; names of attachments are made harmless
    strip,       ///< delivered with a notice in the place of its content
    quarantine,  ///< taken, and held by the MTA
    discard,     ///< taken, and thrown away
    tempfail,    ///< 451
    reject,      ///< 550
};

const char* name_of(Action action);
std::optional<Action> parse_action(std::string_view text);

/// Number of actions.
inline constexpr std::size_t action_count = 8;

/// An action for each status; clean is always accepted.
using ActionTable = std::array<Action, status_count>;

/// People and clients with actions of their own.  Empty lists match all.
struct Group {
    std::string name;
    std::int64_t priority = 0;
    Masks senders;
    Masks recipients;
    std::vector<Network> networks;
    Masks users;
    enum class Direction { any, in, out } direction = Direction::any;
    bool scan = true;
    bool disclaimer = true;
    ActionTable actions{};  ///< complete: inherited ones filled
    std::string place;      ///< file:line
};

/// An action for names of signatures; the first that matches counts.
struct SignatureRule {
    Mask match{""};
    Action action = Action::reject;
    std::string group;  ///< empty: all
    std::string reason;
    std::string author;
    std::optional<Seconds> expires;
    std::string place;
};

/// An action for files in a message; the strictest that matches counts.
struct AttachmentRule {
    Masks names;
    Masks types;        ///< without CL_TYPE_
    Masks mime;         ///< declared types
    Masks except;       ///< names
    Masks except_mime;  ///< declared types
    std::string group;  ///< empty: all
    std::uint64_t larger = 0;
    std::uint64_t smaller = 0;  ///< 0: no bound
    bool inside = true;
    Action action = Action::reject;
    std::string reason;
    std::string place;
};

struct Rules {
    ActionTable actions{};      ///< where no group matches
    std::vector<Group> groups;  ///< highest priority first
    std::vector<SignatureRule> signatures;
    std::vector<AttachmentRule> attachments;
};

/// Who sends.
struct MailFrom {
    std::string sender;  ///< without brackets
    ClientAddr client;
    std::string auth_user;  ///< empty: not authenticated
};

/// What is done for one recipient, and why.
struct Outcome {
    Action action = Action::accept;
    ScanStatus status = ScanStatus::clean;
    std::string signature;  ///< or the attachment's name
    std::string group;      ///< name; empty: none
    std::string rule;   ///< "actions", "signatures", "attachments", "access"
    std::string place;  ///< file:line of the rule; empty: a default
    std::string reason;
    bool scan = true;              ///< the group wants to be scanned
    std::optional<Reply> reply{};  ///< a refusal's own words
};

/// "in", "out", "any".
Group::Direction parse_direction(std::string_view text);

/// Whether mail leaves: its client is local or has authenticated.
bool goes_out(const MailFrom& from);
bool in_direction(Group::Direction direction, const MailFrom& from);

/// The first group of `rules` that this sender and recipient are in, or null.
/// A recipient such as user%host@relay is in the group of what it leads to; in
/// one that is not scanned only if all of its readings are.
/// @param rcpt  with or without brackets
const Group* group_of(const Rules& rules, const MailFrom& from,
                      std::string_view rcpt);

/// Whether recipients of these two groups (or of none) may call for different
/// outcomes of the same verdict.
bool may_differ(const Rules& rules, const Group* a, const Group* b);

/// The strictest of what the findings and attachments call for.  Pure.
Outcome decide(const Rules& rules, const MailFrom& from, std::string_view rcpt,
               const Verdict& verdict, Seconds now);

}  // namespace policy::scan
