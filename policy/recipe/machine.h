// Runs a plan over a message.  Source: procmailrc(5), procmailsc(5).
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/expand.h"
#include "policy/recipe/message.h"
#include "policy/recipe/outcome.h"
#include "policy/recipe/plan.h"
#include "policy/recipe/variables.h"
#include "policy/recipe/world.h"

namespace policy::recipe {

/// Runs `plan` for one recipient's copy of `message`.  Never throws for what
/// is in the files; does no input or output but through `world`.
Outcome run(std::shared_ptr<const Plan> plan,
            std::shared_ptr<const Message> message, const RunSetup& setup,
            World& world);

/// The same for several rc files, one behind the other: where one falls off
/// its end the next begins, with the variables and the message as they are.
Outcome run(std::vector<Layer> layers, std::shared_ptr<const Message> message,
            const RunSetup& setup, World& world);

/// Words with a letter between them.
std::string joined(const std::vector<std::string>& words, char between);

/// Limits that a run and its clones share.
struct Budget {
    std::size_t steps = 0;
    std::size_t clones = 0;
    std::size_t files = 0;
    std::size_t forwards = 0;
    int processes = 2;  ///< id of the last process that was started
};

/// One run or clone.  Copied when a block is cloned.
class Machine {
public:
    Machine(std::vector<Layer> layers, std::shared_ptr<const Message> message,
            const RunSetup& setup, World& world, Budget& budget);

    Outcome finish();

private:
    /// An open rc file.
    struct Frame {
        std::shared_ptr<const Plan> plan;
        std::size_t at = 0;           ///< next step
        std::size_t block_floor = 0;  ///< blocks_ of the files around it
        std::string path;             ///< $_
        bool main = false;            ///< trace names lines without the file
        Scope scope = Scope::site;
        /// Steps that can match this message, one bit each; empty: unknown.
        std::vector<std::uint64_t> candidates;
    };
    /// What a block keeps of the level around it.
    struct Level {
        bool previous;
        bool last;
    };
    enum class Go { on, stop };

    // machine.cc: the way through the steps
    void loop();
    Go step();
    Go recipe(const Step& step);
    void leave_file();
    void skip_hopeless();
    void find_candidates(Frame& frame);
    std::string where(std::size_t line) const;
    const Head& head_of(const Head& head, Head& made, const Lookup& lookup);

    // machine_blocks.cc
    void close_block();
    void enter_block();
    void skip_block(const Step& step);
    void read_past(const Step& step);
    bool is_too_long(const Step& assignment);
    bool spawn_clone(const Step& step, const Flags& flags, bool waits);

    // machine_assign.cc: NAME=value and what some names do
    Go assign(const Step& step);
    bool set(const std::string& name, const std::string& value);
    void unset(const std::string& name);
    Go magic(const std::string& name, const std::string& value, bool unset);
    void change_directory(const std::string& path);
    void include(const std::string& path);
    void switch_to(const std::string& path);
    std::shared_ptr<const Plan> open(const std::string& path);
    std::string full_path(const std::string& path) const;
    void note_exit_code();
    Go stop_for_host();
    Go look_up(const std::string& value);
    Go own_word(const std::string& name, const std::string& value);
    void overflow();
    void set_last_folder(const std::string& value);

    // machine_conditions.cc
    bool conditions(const Step& step, Flags flags);
    bool condition(const PreparedCondition& prepared, const Flags& flags,
                   double& score, bool& scored);
    bool test(const PreparedCondition& condition, const Flags& flags,
              double& score, std::string& shown, bool& minus_infinity);
    bool expand_condition(PreparedCondition& condition, bool case_matters);
    void score_pattern(const PreparedCondition& condition, const Area& area,
                       double& score);
    bool test_program(const PreparedCondition& condition, const Area& area,
                      double& score, std::string& shown);
    bool test_size(const PreparedCondition& condition, std::size_t size,
                   double& score, std::string& shown);
    const Area& area_of(const PreparedCondition& condition, const Flags& flags,
                        std::size_t& size);
    void set_match(std::string_view text, bool in_itself);
    const Stop* stop();
    Pattern::Way way();
    void trace_condition(const PreparedCondition& condition,
                         const std::string& shown, bool ok, double before,
                         double after);

    // machine_actions.cc
    void complain(const Head& head);
    void complain_of_action(const Step& step, const Head& head);
    bool is_cut_short(const Action& action, bool runs);
    Go act(const Step& step, const Flags& flags);
    Go forward(const Step& step, const Flags& flags);
    Go folder(const Step& step, const Flags& flags);
    Go write_folder(const std::vector<std::string>& words, const Step& step,
                    const Flags& flags, std::string_view part);
    bool keep(Written written, Delivery delivery);
    void deliver_by_default();
    bool write_by_default(const std::string& box, bool locks);
    std::string_view passed_part(const Flags& flags) const;
    Go done(const Flags& flags, bool worked);
    void trace_action(ActionTrace action, bool failed);
    Go block(const Step& step, const Flags& flags);
    std::vector<std::string> mail_command() const;
    std::size_t command_size() const;

    // machine_locks.cc
    std::vector<std::string> lock_words(const Head& head);
    void complain_of_lock(const Head& head);
    void lock(const std::string& program);
    void lock_folder(const std::string& folder);
    void take_lock(const std::string& name);
    void hold_lock(const std::string& name);

    // machine_programs.cc
    void prepare_program(const Step& step, const Flags& flags);
    void filter(const Step& step, const Flags& flags);
    void capture(const Step& step, const Flags& flags);
    bool command(const std::string& line, std::string_view input,
                 std::string& output, std::string& exec, int& status);
    bool start(const std::vector<std::string>& words, std::string_view input,
               std::string& output, int& status);
    Go deliver_to_program(const Step& step, const Flags& flags);
    Expansion value_of(std::string_view text, Words words, std::size_t limit,
                       bool in_quotes = false);

    // machine_lookup.cc
    Lookup lookup();
    std::optional<std::string_view> named(std::string_view name);
    Scope scope() const
    {
        return frames_.empty() ? Scope::site : frames_.back().scope;
    }
    bool late();
    Go out_of_time();
    void effect(Effect effect);
    std::optional<std::string_view> special(std::string_view name);
    void error(std::string text) { outcome_.errors.push_back(std::move(text)); }
    RecipeTrace* tracing()
    {
        return setup_->trace && !outcome_.trace.empty() ? &outcome_.trace.back()
                                                        : nullptr;
    }

    const RunSetup* setup_;
    World* world_;
    Budget* budget_;
    std::shared_ptr<const Message> message_;
    std::vector<Frame> frames_;
    std::vector<Level> blocks_;
    Variables variables_;
    std::optional<Spool> spool_;
    std::string directory_;    ///< the current one; as MAILDIR says
    std::string global_lock_;  ///< LOCKFILE, while it is held
    std::size_t shifted_ = 0;
    std::size_t line_limit_;
    std::string scratch_;  ///< for values that are made up when asked for
    const Head* head_ = nullptr;  ///< of the recipe that runs just now
    bool previous_ = false;       ///< result of the last recipe, for E and e
    bool last_ = false;           ///< of the last without A or a
    bool worked_ = false;         ///< the last action did
    bool exit_code_set_ = false;
    int last_exit_ = 0;                ///< $?
    int process_ = 2;                  ///< $$
    long score_ = 0;                   ///< $=
    std::size_t assignment_line_ = 0;  ///< of the one that runs just now
    std::size_t last_size_ = 0;        ///< bytes that the last delivery wrote
    Stop stop_;
    Area variable_area_;
    Outcome outcome_;
};

}  // namespace policy::recipe
