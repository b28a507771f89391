// Signals, taken away from libmilter.
//
// libmilter starts a thread that waits for HUP, INT and TERM with sigwait(3)
// and ends the milter on each of them.  A second thread waiting for the same
// signals would race with it: the kernel gives a signal to either.  So this
// program has a sigwait of its own, which the dynamic linker prefers to the C
// library's: libmilter's thread comes to us, and we let it rest for good.  Then
// no thread but ours ever asks for signals, and no timing decides whether HUP
// reloads or ends.
#pragma once

#include <chrono>
#include <string>

#include "policy/result.h"

namespace milters::milter::signals {

/// Blocks the signals that wait() returns, and ignores SIGPIPE.  Before any
/// thread starts, since threads inherit the mask; best first in main(), since
/// until then a HUP ends the program.
void block();

/// The next of SIGHUP, SIGUSR1, SIGTERM and SIGINT.  One thread asks.
int wait();

/// Waits until libmilter's signal thread has come to our sigwait: then
/// smfi_main is running, with its socket open.  false if that did not happen
/// in time, which means that this libmilter gets its signals another way.
bool libmilter_has_come(std::chrono::milliseconds limit);

}  // namespace milters::milter::signals
