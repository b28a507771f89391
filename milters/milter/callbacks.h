// Binds libmilter's callbacks to Session objects.
#pragma once

#include <string>

#include "milters/milter/session.h"
#include "policy/result.h"

namespace milters::milter {

/// Registers the program with libmilter.  Once per process, since libmilter
/// keeps it in a variable of its own; `program` must outlive every callback.
policy::Status register_program(const Program& program);

/// SMTP connections that have a session, and handlers that run just now.
/// For the status command and for stopping.
struct Activity {
    long sessions;
    long handlers;
};
Activity activity();

}  // namespace milters::milter
