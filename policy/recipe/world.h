// What a run may ask of the world outside its rc file and message.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/recipe/spool.h"

namespace policy::recipe {

class Plan;

/// Answers of the host.  One object may serve many runs; calls come from the
/// thread of the run.
class World {
public:
    virtual ~World() = default;

    /// The rc file of an INCLUDERC or SWITCHRC, nullptr if it may not or
    /// cannot be read.  `path` is as in the rc, `full_path` with MAILDIR.
    virtual std::shared_ptr<const Plan> rc_file(
        const std::string& path, const std::string& full_path) = 0;
};

/// Everything a run starts from.
struct RunSetup {
    std::vector<std::pair<std::string, std::string>> presets;  ///< variables
    std::vector<std::string> arguments;                        ///< $1 and on
    std::string program = "procmail";                          ///< $0
    std::string host;     ///< our own name, for HOST
    std::string rc_path;  ///< $_
    bool trace = false;   ///< fill the trace; looks at all
    /// Names of files, as a delivery agent has them; without it every folder
    /// can be written and every MAILDIR entered.
    std::optional<Spool> spool;
};

}  // namespace policy::recipe
