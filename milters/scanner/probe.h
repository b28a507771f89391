// Shows what the sandbox stops: each probe enters it in a process of its own
// and then tries what a captured worker would try.
#pragma once

#include <string>
#include <vector>

#include "milters/scanner/sandbox.h"

namespace milters::scanner {

/// "socket", "connect", "exec", "fork", "kill", "ptrace", "read", "write",
/// "memory", "unpack".
std::vector<std::string> probe_names();

/// How an attempt ended.
struct Probed {
    bool allowed;     ///< it worked
    std::string how;  ///< "SIGSYS", "EACCES", "allowed", ...
};

/// Tries it.  REQUIRES a name of probe_names().
Probed probe(const std::string& name, const Sandbox& sandbox);

}  // namespace milters::scanner
