// A milter program from its command line to its end: options, configuration,
// log, start, reload; the work itself is done by its parts.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "milters/milter/daemon.h"
#include "milters/milter/part.h"

namespace milters::milter {

/// What makes one program differ from the other.
struct Milter {
    const char* name;
    const char* purpose;  ///< for --help
    /// Fills in user, socket and the like: milter::prepare() with a section.
    policy::Status (*prepare)(Service& service, const Options& options,
                              const policy::config::Config& config);
    /// The parts that a configuration wants, in the order of their work.
    std::vector<PartKind> (*parts)(const policy::config::Config& config);
    /// One program out of those of the parts; null: there is one part.
    Program (*combine)(const char* name, std::vector<Program> parts) = nullptr;
};

/// main().  @return exit code (sysexits)
int run_milter(int argc, const char* const* argv, const Milter& milter);

}  // namespace milters::milter
