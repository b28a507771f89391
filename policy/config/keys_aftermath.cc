// The virus section, continued: what is done beside the answer.
#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

constexpr std::int64_t hour = 60 * 60 * 1000;
constexpr std::int64_t day = 24 * hour;
constexpr std::int64_t gib = 1024 * 1024 * 1024;

constexpr Key list(std::string_view name, std::string_view about)
{
    return {.name = name, .type = Type::list, .fallback = "[]", .about = about};
}

constexpr Key table[] = {
    {.name = "virus.control_socket",
     .type = Type::socket,
     .fallback = "unix:/run/postern/virus-control.sock",
     .about = "where postern virus and freshclam ask; none: nowhere"},
    {.name = "virus.control_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the control socket; default that of the user"},
    {.name = "virus.control_mode",
     .type = Type::mode,
     .fallback = "0660",
     .max = 0777,
     .about = "permission bits of the control socket"},
    {.name = "virus.recipients",
     .type = Type::choice,
     .fallback = "strictest",
     .choices = "strictest split",
     .about = "recipients with other rules than the first: strictest: one "
              "answer for all; split: 452 at RCPT, so that the client sends "
              "them a copy of their own"},
    {.name = "virus.skip.access",
     .type = Type::path,
     .fallback = "",
     .about = "access map of the tag Virus:, by which clients and recipients "
              "are not scanned or have an action of their own; default access "
              "in mail_dir, which may be missing; empty: none"},
    {.name = "virus.headers.anti_virus",
     .type = Type::text,
     .fallback = "",
     .about = "header in the form that KavMilter wrote, X-Anti-Virus; empty: "
              "none"},
    {.name = "virus.rename_suffix",
     .type = Type::text,
     .fallback = ".blocked",
     .about = "what the names of renamed attachments end with"},

    {.name = "virus.quarantine.where",
     .type = Type::choice,
     .fallback = "mta",
     .choices = "mta folder",
     .about = "mta: the MTA holds the message; folder: it is kept in "
              "virus.quarantine.folder"},
    {.name = "virus.quarantine.folder",
     .type = Type::path,
     .fallback = "/var/lib/postern/quarantine",
     .about = "where messages are kept; made if missing"},
    list("virus.quarantine.copies",
         "actions of which a copy is kept in the folder, too"),
    {.name = "virus.quarantine.what",
     .type = Type::choice,
     .fallback = "message",
     .choices = "message info",
     .about = "of a copy: the message, or only what was found and who was "
              "concerned"},
    {.name = "virus.quarantine.max_age",
     .type = Type::duration,
     .fallback = "30d",
     .max = 3650 * day,
     .about = "older ones are removed; 0: never"},

    list("virus.notify.admin",
         "of what the administrators are told: statuses, filtered, fault, "
         "update, all"),
    list("virus.notify.sender",
         "of what senders of our own are told: statuses, filtered, all"),
    list("virus.notify.recipients",
         "of what our recipients are told: statuses, filtered, all"),
    list("virus.notify.admins", "addresses of the administrators"),
    {.name = "virus.notify.from",
     .type = Type::text,
     .fallback = "postmaster",
     .about = "address in the From header of notices; the envelope has none"},
    list("virus.notify.own",
         "patterns of our own addresses; recipients of mail that leaves are "
         "told only if they are such"),
    {.name = "virus.notify.networks",
     .type = Type::networks,
     .fallback = "[]",
     .about = "clients whose senders are believed, beside local and "
              "authenticated ones; nobody else's sender is told anything"},
    {.name = "virus.notify.templates",
     .type = Type::path,
     .fallback = "",
     .about = "folder with admin, sender, recipient, fault, update: texts of "
              "notices; what is missing is built in"},
    {.name = "virus.notify.sendmail",
     .type = Type::path,
     .fallback = "/usr/sbin/sendmail",
     .about = "program that takes notices and released messages"},

    {.name = "virus.disclaimer.text",
     .type = Type::text,
     .fallback = "",
     .max = 8192,
     .about = "put below clean messages, one line or more, up to 8 KiB; empty: "
              "nothing"},
    {.name = "virus.disclaimer.direction",
     .type = Type::choice,
     .fallback = "out",
     .choices = "any in out",
     .about = "which messages get it"},
    {.name = "virus.groups[].disclaimer",
     .type = Type::boolean,
     .fallback = "yes",
     .about = "no: mail of this group gets no disclaimer"},

    {.name = "virus.attachments[].mime",
     .type = Type::list,
     .fallback = "[*]",
     .about = "patterns of types as the header of a part names them: "
              "application/x-msdownload, image/*"},
    {.name = "virus.attachments[].except",
     .type = Type::list,
     .fallback = "[]",
     .about = "patterns of file names that the rule does not concern"},
    {.name = "virus.attachments[].except_mime",
     .type = Type::list,
     .fallback = "[]",
     .about =
         "patterns of declared types that the rule does not concern; it then "
         "asks only about parts that declare one"},
    {.name = "virus.attachments[].smaller",
     .type = Type::size,
     .fallback = "0",
     .max = gib,
     .about = "only files of fewer bytes; 0: no bound"},
    {.name = "virus.attachments[].group",
     .type = Type::text,
     .fallback = "",
     .about = "only in this group; empty: in all"},
};

}  // namespace

std::span<const Key> aftermath_keys()
{
    return table;
}

}  // namespace policy::config
