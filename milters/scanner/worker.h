// One worker: takes messages, one at a time, and answers.
#pragma once

#include <functional>

#include "policy/scan/verdict.h"

namespace milters::scanner {

/// Scans an open file; as Engine::scan.
using ScanFunction =
    std::function<policy::scan::Verdict(int fd, policy::scan::Want want)>;

/// Standard streams to nowhere, everything else but `keep` closed.
void keep_only(int keep);

/// Serves requests from `socket` until the other side closes it; returns the
/// exit code.  A scan that overruns its deadline ends the process by SIGALRM,
/// which the client sees as a closed socket.
int serve(int socket, const ScanFunction& scan);

}  // namespace milters::scanner
