// What a run did: the trace that `postern filter --trace` prints, and the
// effects that the milter turns into edits.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/recipe/world.h"

namespace policy::recipe {

/// A condition that was tried.
struct ConditionTrace {
    std::string text;  ///< after expansion, as procmail's log shows it
    bool ok = false;
    bool negated = false;
    bool weighted = false;
    long add = 0;       ///< by how much the score changed
    long total = 0;     ///< the score, towards 0
    bool plus = false;  ///< above 0, though `total` is 0
};

/// What an action was, in the words of the trace.
struct ActionTrace {
    std::string what;  ///< folder forward filter capture block clone
    std::optional<std::string> to;
    std::optional<std::string> exec;  ///< argv joined by commas
    std::optional<std::string> variable;
};

/// A recipe that was reached.
struct RecipeTrace {
    std::string where;  ///< line of its colon, or "file:line" when included
    std::string flags;
    std::vector<ConditionTrace> conditions;
    bool run = false;  ///< its action was tried
    bool failed = false;
    std::optional<ActionTrace> action;
};

/// A variable that was set, or unset.
struct Assigned {
    std::string name;
    std::optional<std::string> value;
    /// MATCH that was found in MATCH: procmail's log tells the value, but of
    /// no assignment.
    bool silent = false;
};

/// A delivery that was tried.
struct Delivery {
    std::string via;                  ///< folder, forward
    std::optional<std::string> kind;  ///< mbox maildir mh dir null
    std::string target;               ///< folder, or command line
    std::string at;                   ///< recipe, or "default"
    std::optional<bool> copy;         ///< the recipe's line has c
    std::optional<std::size_t> size;  ///< bytes written
    bool failed = false;
};

/// What a run wants done, in the order it wanted it.
struct Effect {
    enum class Kind {
        deliver,     ///< to `names`[0], a folder; links to the others
        discard,     ///< /dev/null
        forward,     ///< to the addresses `names`
        log,         ///< `text` to the log
        quarantine,  ///< hold, with `text` as the reason
        reply,       ///< refuse with `code`, `enhanced`, `text`
        tag,         ///< header `names`[0] with value `text`
    };
    Kind kind;
    std::vector<std::string> names;
    std::string text;
    bool copy = false;  ///< the run went on
    std::string where;  ///< recipe, "default" or line of an assignment
    bool head_only = false, body_only = false;
    Scope scope = Scope::site;
    std::string source = {};  ///< path:line of the recipe or assignment
};

/// How a run came to its end.
enum class Ending {
    fell_off,   ///< the rc file ended: default delivery
    delivered,  ///< a delivering recipe worked
    host,       ///< HOST was set to another name: stop, nothing delivered
    limit,      ///< a hard limit or a failure stopped it; see errors
};

/// One run, or one clone of it.
struct Outcome {
    Ending ending = Ending::fell_off;
    std::vector<Effect> effects;
    std::optional<int> exit_code;    ///< EXITCODE, if it was set
    Scope exit_scope = Scope::site;  ///< of the file that set it last
    Scope host_scope = Scope::site;  ///< of the file that set HOST at the end
    int status = 0;                  ///< what procmail would exit with
    std::vector<std::pair<std::string, std::string>> variables;
    long score = 0;
    std::vector<std::string> errors;  ///< procmail's complaints, in order

    std::vector<RecipeTrace> trace;  ///< only if asked for
    std::vector<Assigned> assigns;
    std::vector<Delivery> deliveries;  ///< as a delivery agent does them
    std::vector<Outcome> clones;       ///< in order of their birth; flat

    /// The message at the end, if a filter changed it.
    std::shared_ptr<const class Message> message;
    bool message_changed = false;
    bool body_changed = false;  ///< by a filter that got more than the header
    bool watched = false;       ///< a variable of RunSetup::watched was read
    std::string last_rc;        ///< path of the file that ended the run
};

}  // namespace policy::recipe
