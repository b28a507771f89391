// The postern section of the table of keys.
#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

constexpr Key table[] = {
    {.name = "postern.milters",
     .type = Type::list,
     .fallback = "[relay, virus, filter]",
     .choices = "relay virus filter",
     .about = "which milters postern-milter is; mail passes them in this "
              "order, however they are listed",
     .at_start = true},
    {.name = "postern.socket",
     .type = Type::socket,
     .fallback = "unix:/run/postern/postern.sock",
     .about = "where the MTA connects to postern-milter; those of the "
              "milters in it are not used",
     .at_start = true},
    {.name = "postern.pid_file",
     .type = Type::path,
     .fallback = "",
     .about = "locked by the one process that runs; default postern.pid "
              "beside postern.socket",
     .at_start = true},
    {.name = "postern.socket_owner",
     .type = Type::text,
     .fallback = "",
     .about = "owner of the unix socket; default the user",
     .at_start = true},
    {.name = "postern.socket_group",
     .type = Type::text,
     .fallback = "",
     .about = "group of the unix socket; default that of the user",
     .at_start = true},
    {.name = "postern.socket_mode",
     .type = Type::mode,
     .fallback = "0660",
     .max = 0777,
     .about = "permission bits of the unix socket",
     .at_start = true},
};

}  // namespace

std::span<const Key> postern_keys()
{
    return table;
}

}  // namespace policy::config
