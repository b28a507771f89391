// The filter section of the table of keys.
#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

constexpr std::int64_t second = 1000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t kib = 1024;
constexpr std::int64_t gib = 1024 * 1024 * kib;

constexpr Key table[] = {
    {.name = "filter.socket",
     .type = Type::socket,
     .fallback = "unix:/run/postern/filter.sock",
     .about = "where the MTA connects to filter-milter"},
    {.name = "filter.pid_file",
     .type = Type::path,
     .fallback = "",
     .about = "locked by the one process that runs; default filter.pid beside "
              "filter.socket"},
    {.name = "filter.socket_owner",
     .type = Type::text,
     .fallback = "",
     .about = "owner of the unix socket; default the user"},
    {.name = "filter.socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the unix socket; default that of the user"},
    {.name = "filter.socket_mode",
     .type = Type::mode,
     .fallback = "0660",
     .max = 0777,
     .about = "permission bits of the unix socket"},
    {.name = "filter.site_rc",
     .type = Type::path,
     .fallback = "",
     .about = "recipes for all mail, filterrc(5); default filterrc in "
              "mail_dir, which may be missing"},
    {.name = "filter.domain_rc",
     .type = Type::text,
     .fallback = "",
     .about = "recipes for a recipient's domain, run behind those of the "
              "site: a path with %d for the domain; empty: none"},
    {.name = "filter.user_rc",
     .type = Type::text,
     .fallback = "",
     .about = "recipes of a recipient, run last: a path with %u for the local "
              "part without +detail, %d for the domain; empty: none"},
    {.name = "filter.user_domains",
     .type = Type::list,
     .fallback = "[]",
     .about = "domains whose recipients have recipes; default those of "
              "relay.local_host_names"},
    {.name = "filter.user_actions",
     .type = Type::list,
     .fallback =
         "[discard, reject, tempfail, forward, folder, edit, quarantine]",
     .choices = "discard reject tempfail forward folder edit quarantine",
     .about = "what recipes of users may do; the rest is left out, and noted"},
    {.name = "filter.user_broken",
     .type = Type::choice,
     .fallback = "skip",
     .choices = "skip tempfail",
     .about = "what a file of a user does that was never right: skip: as if "
              "it were not there; tempfail: his mail waits"},
    {.name = "filter.user_time",
     .type = Type::duration,
     .fallback = "1s",
     .min = 10,
     .max = minute,
     .about = "how long recipes of one user may take over one message"},
    {.name = "filter.time",
     .type = Type::duration,
     .fallback = "1m",
     .min = 10,
     .max = 4 * minute,
     .about = "how long all recipes may take over one message; then it is a "
              "temporary failure"},
    {.name = "filter.include_dir",
     .type = Type::path,
     .fallback = "",
     .about = "INCLUDERC and SWITCHRC of site and domains stay below this "
              "folder; default that of site_rc"},
    {.name = "filter.dev_null",
     .type = Type::choice,
     .fallback = "discard",
     .choices = "discard reject",
     .about = "what /dev/null means"},
    {.name = "filter.folder",
     .type = Type::choice,
     .fallback = "header",
     .choices = "header recipient",
     .about = "how the delivery agent learns of a folder: by folder_header, "
              "or by user+folder in place of the recipient"},
    {.name = "filter.folder_header",
     .type = Type::text,
     .fallback = "X-Procmail-Folder",
     .about = "header that names the folder; taken off mail that brings it"},
    {.name = "filter.quarantine_folders",
     .type = Type::list,
     .fallback = "[]",
     .about = "folders that mean quarantine"},
    {.name = "filter.differ",
     .type = Type::choice,
     .fallback = "apart",
     .choices = "apart together",
     .about = "recipients of one message whose answers SMTP cannot give at "
              "once: apart: the message is to come again, each kind by "
              "itself; together: those who refuse are taken off"},
    {.name = "filter.max_message",
     .type = Type::size,
     .fallback = "100M",
     .min = kib,
     .max = 2 * gib - 1,
     .about = "larger messages are refused with 552"},
    {.name = "filter.programs",
     .type = Type::list,
     .fallback = "[]",
     .about = "absolute paths of programs that recipes of site and domains "
              "may start, without a shell"},
    {.name = "filter.program_user",
     .type = Type::text,
     .fallback = "nobody",
     .about = "who these programs run as, where the milter is started as root"},
    {.name = "filter.program_time",
     .type = Type::duration,
     .fallback = "10s",
     .min = 10,
     .max = 4 * minute,
     .about = "how long one program may take; then it is killed and failed"},
    {.name = "filter.access",
     .type = Type::path,
     .fallback = "",
     .about = "access map of LOOKUP=\"access ...\" and of the tag Filter:, by "
              "which clients and recipients are let be or have an action of "
              "their own; default access in mail_dir, which may be missing; "
              "empty: none"},
    {.name = "filter.classes",
     .type = Type::list,
     .fallback = "[]",
     .about = "class files of LOOKUP, each NAME=/path; local-host-names and "
              "relay-domains in mail_dir are always there"},
    {.name = "filter.skip.networks",
     .type = Type::networks,
     .fallback = "[]",
     .about = "clients whose mail passes as it is"},
    {.name = "filter.skip.authenticated",
     .type = Type::boolean,
     .fallback = "no",
     .about = "mail of clients that logged in passes as it is"},
};

}  // namespace

std::span<const Key> filter_keys()
{
    return table;
}

}  // namespace policy::config
