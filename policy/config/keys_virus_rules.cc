// The virus section, continued: what is done about a verdict, and for whom.
#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

constexpr std::int64_t gib = 1024 * 1024 * 1024;

constexpr std::string_view actions =
    "accept tag strip quarantine discard tempfail reject";

constexpr std::string_view actions_and_rename =
    "accept tag rename strip quarantine discard tempfail reject";

constexpr Key action(std::string_view name, std::string_view fallback,
                     std::string_view about)
{
    return {.name = name,
            .type = Type::choice,
            .fallback = fallback,
            .choices = actions,
            .about = about};
}

/// What a group does not say it has from virus.actions.
constexpr Key group_action(std::string_view name)
{
    return {.name = name,
            .type = Type::text,
            .fallback = "",
            .about = "action of the group; default as in virus.actions"};
}

constexpr Key table[] = {
    action("virus.actions.infected", "reject", "a signature matched"),
    action("virus.actions.suspicious", "quarantine",
           "a heuristic alert or an unwanted application"),
    action("virus.actions.protected", "tag", "encrypted, not looked into"),
    action("virus.actions.oversize", "reject", "larger than max_message"),
    action("virus.actions.limits", "quarantine",
           "a scan limit was hit: part of it is unseen"),
    action("virus.actions.error", "tempfail", "the scanner failed"),
    {.name = "virus.reject_text",
     .type = Type::text,
     .fallback = "Message refused: %s found",
     .about = "what the client is told of an infected message; %s: the "
              "signature"},
    {.name = "virus.strip_text",
     .type = Type::text,
     .fallback = "A part of this message was removed: %s",
     .max = 8192,
     .about = "the notice in the place of what was stripped, one line or more, "
              "up to 8 KiB; %s: the status"},

    {.name = "virus.headers.scanned",
     .type = Type::text,
     .fallback = "X-Virus-Scanned",
     .about = "header with engine, signatures and host; empty: none"},
    {.name = "virus.headers.status",
     .type = Type::text,
     .fallback = "X-Virus-Status",
     .about = "header with the status; empty: none"},

    {.name = "virus.skip.networks",
     .type = Type::networks,
     .fallback = "[]",
     .about = "clients whose mail is not scanned"},
    {.name = "virus.skip.authenticated",
     .type = Type::boolean,
     .fallback = "no",
     .about = "mail of authenticated users is not scanned"},

    {.name = "virus.groups[].name",
     .type = Type::text,
     .fallback = "",
     .about = "name of the group, for the log"},
    {.name = "virus.groups[].priority",
     .type = Type::count,
     .fallback = "0",
     .max = 1000000,
     .about = "the highest of the groups that match counts"},
    {.name = "virus.groups[].inherit",
     .type = Type::text,
     .fallback = "",
     .about = "group whose actions count where this one says nothing"},
    {.name = "virus.groups[].senders",
     .type = Type::list,
     .fallback = "[]",
     .about = "patterns of envelope senders; none: all"},
    {.name = "virus.groups[].recipients",
     .type = Type::list,
     .fallback = "[]",
     .about = "patterns of envelope recipients; none: all"},
    {.name = "virus.groups[].networks",
     .type = Type::networks,
     .fallback = "[]",
     .about = "clients; none: all"},
    {.name = "virus.groups[].users",
     .type = Type::list,
     .fallback = "[]",
     .about = "patterns of authenticated users; none: all"},
    {.name = "virus.groups[].direction",
     .type = Type::choice,
     .fallback = "any",
     .choices = "any in out",
     .about = "out: of authenticated users and local clients; in: all other"},
    {.name = "virus.groups[].scan",
     .type = Type::boolean,
     .fallback = "yes",
     .about = "no: mail of this group is not scanned"},
    group_action("virus.groups[].infected"),
    group_action("virus.groups[].suspicious"),
    group_action("virus.groups[].protected"),
    group_action("virus.groups[].oversize"),
    group_action("virus.groups[].limits"),
    group_action("virus.groups[].error"),

    {.name = "virus.signatures[].match",
     .type = Type::text,
     .fallback = "",
     .about = "pattern of signature names"},
    action("virus.signatures[].action", "reject", "what is done about it"),
    {.name = "virus.signatures[].group",
     .type = Type::text,
     .fallback = "",
     .about = "only in this group; empty: in all"},
    {.name = "virus.signatures[].reason",
     .type = Type::text,
     .fallback = "",
     .about = "why, for the log"},
    {.name = "virus.signatures[].author",
     .type = Type::text,
     .fallback = "",
     .about = "who made the rule"},
    {.name = "virus.signatures[].expires",
     .type = Type::text,
     .fallback = "",
     .about = "YYYY-MM-DD: from that day on the rule does not count"},

    {.name = "virus.attachments[].name",
     .type = Type::list,
     .fallback = "[*]",
     .about = "patterns of file names"},
    {.name = "virus.attachments[].type",
     .type = Type::list,
     .fallback = "[*]",
     .about = "patterns of types as libclamav knows them by content, without "
              "CL_TYPE_: MSEXE, MSOLE2, PDF"},
    {.name = "virus.attachments[].larger",
     .type = Type::size,
     .fallback = "0",
     .max = 2 * gib - 1,
     .about = "only files of more bytes"},
    {.name = "virus.attachments[].inside",
     .type = Type::boolean,
     .fallback = "yes",
     .about = "also files inside archives"},
    {.name = "virus.attachments[].action",
     .type = Type::choice,
     .fallback = "reject",
     .choices = actions_and_rename,
     .about = "what is done about it"},
    {.name = "virus.attachments[].reason",
     .type = Type::text,
     .fallback = "",
     .about = "why: for the log and the client"},
};

}  // namespace

std::span<const Key> virus_rule_keys()
{
    return table;
}

}  // namespace policy::config
