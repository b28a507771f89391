// Questions that a server, a resolver or a program may never answer are asked
// by a process of their own, which is ended when its time is over.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "milters/doctor/host.h"
#include "policy/result.h"

namespace milters::doctor {

using std::chrono::milliseconds;

/// Runs `work` in a child and returns what it returned.  The program must
/// have one thread.
/// @param user   by whose rights; only root can become another
/// @return Errc::timeout  nothing within `limit`; the child has been killed
///         Errc::denied   it could not become the user
///         Errc::io       it could not be started, or died
policy::Result<std::string> in_child(milliseconds limit, const User& user,
                                     const std::function<std::string()>& work);

/// What a program printed, on both its outputs.
///
/// Errors are those of in_child(); a program that cannot be executed is
/// Errc::gone.
policy::Result<std::string> output_of(const std::vector<std::string>& command,
                                      const std::string& input,
                                      milliseconds limit);

}  // namespace milters::doctor
