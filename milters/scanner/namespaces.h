// Mounts and a network of the scanner's own.
#pragma once

#include "policy/result.h"

namespace milters::scanner {

/// Gives this process, and those it forks, mounts that others do not see, and
/// a network in which nothing is.  Who is not root takes a user namespace for
/// it, where the system allows that; his user id stays.  One thread.
/// @return why it is not possible here; the process goes on without
policy::Status own_namespaces();

}  // namespace milters::scanner
