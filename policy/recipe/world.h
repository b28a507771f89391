// What a run may ask of the world outside its rc file and message.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/recipe/spool.h"
#include "policy/result.h"

namespace policy::recipe {

class Plan;

/// Whose recipes these are, and so what they may do.
enum class Scope { site, domain, user };

/// What came of a program.
struct ProgramResult {
    int status = 127;    ///< exit code; 127: not started, 128 + n: signal n
    std::string output;  ///< what it wrote
    std::string error;   ///< why it was not started or was ended
};

/// Answers of the host.  One object may serve many runs; calls come from the
/// thread of the run.
class World {
public:
    virtual ~World() = default;

    /// The rc file of an INCLUDERC or SWITCHRC in a file of this scope,
    /// nullptr if it may not or cannot be read.  `path` is as in the rc,
    /// `full_path` with MAILDIR.
    virtual std::shared_ptr<const Plan> rc_file(const std::string& path,
                                                const std::string& full_path,
                                                Scope scope) = 0;

    /// Runs a program that the plan lists.  `words`[0] is its path.
    virtual ProgramResult run_program(const std::vector<std::string>& words,
                                      std::string_view input);

    /// LOOKUP="map key" in a file of this scope: the right-hand side, nullopt
    /// if there is none; an error is a temporary failure of the whole run, but
    /// for Errc::usage: nobody can, or this one may not, ask this.
    virtual Result<std::optional<std::string>> lookup(const std::string& map,
                                                      const std::string& key,
                                                      Scope scope);

    /// formail -D: whether this Message-ID was in the cache `name`.  What is
    /// new there is remembered once the message is accepted.
    virtual bool seen_before(const std::string& name, const std::string& id,
                             Scope scope);
};

/// One rc file of those that are run one after the other.
struct Layer {
    std::shared_ptr<const Plan> plan;
    std::string path;  ///< $_
    Scope scope = Scope::site;
};

/// Variables and their values; of two of one name the latter counts.
using Presets = std::vector<std::pair<std::string, std::string>>;

/// What procmail sets before it reads a line of an rc file of a user's.
/// Source: procmailrc(5), ENVIRONMENT.
Presets procmail_presets(const std::string& user, const std::string& home,
                         const std::string& host);

/// Everything a run starts from.
struct RunSetup {
    Presets presets;
    std::vector<std::string> arguments;  ///< $1 and on
    std::string program = "procmail";    ///< $0
    std::string host;                    ///< our own name, for HOST
    std::string rc_path;                 ///< $_
    bool trace = false;                  ///< fill the trace; looks at all
    /// Names of files, as a delivery agent has them; without it every folder
    /// can be written and every MAILDIR entered.
    std::optional<Spool> spool;
    /// Whether recipes of this scope have used up their time; asked often.
    std::function<bool(Scope)> late;
    /// Variables that differ from recipient to recipient: a run that never
    /// reads them has the same outcome for all.
    std::vector<std::string> watched;
    bool user_edits = true;  ///< filters in files of users change the message
};

}  // namespace policy::recipe
