// libclamav, behind one door.  For the scanner process only: no milter links
// this, since what a hostile file does to the library it does to the process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "policy/result.h"
#include "policy/scan/options.h"
#include "policy/scan/verdict.h"

namespace policy::scan {

struct Running;

/// A compiled set of signatures.  One scan at a time in a thread; with a cache
/// of parts, in a process.  Many processes share an engine by fork(2), copy on
/// write.
class Engine {
public:
    /// Loads and compiles; takes seconds and much memory.  A set that is
    /// empty, torn or unreadable is an Errc::format with libclamav's words.
    static Result<std::unique_ptr<Engine>> load(const EngineOptions& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Where the library unpacks from now on.  A worker sets its own.
    Status use_temp_dir(const std::string& path);

    /// Scans an open file from its beginning.  Anything that the library
    /// could not look at ends as a finding: error, limits or locked.
    /// @param want  with parts the cache of clean parts is not used, as it
    ///              would hide them
    Verdict scan(int fd, Want want = {});

    const EngineInfo& info() const { return info_; }

private:
    struct Handle;
    Engine();
    void pass(Running& scan, int fd, std::uint32_t general,
              std::uint32_t heuristic);

    std::unique_ptr<Handle> handle_;
    EngineInfo info_;
};

}  // namespace policy::scan
