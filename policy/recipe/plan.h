// A rc file made ready to run: checked, patterns compiled, blocks resolved to
// jumps.  Immutable, shared by all runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/recipe/ast.h"
#include "policy/recipe/condition.h"
#include "policy/recipe/prefilter.h"

namespace policy::recipe {

/// One statement.
struct Step {
    enum class Kind { assign, recipe, close };
    Kind kind = Kind::close;
    const Assignment* assignment = nullptr;
    const Recipe* recipe = nullptr;
    std::vector<PreparedCondition> conditions;
    std::size_t after_block = 0;  ///< recipe with a block: index behind it
    std::size_t head = 0;  ///< index of the recipe whose block it is in, or
                           ///< no_head
    std::string plain;     ///< assignment without quotes or variables: value
    bool is_plain = false;
};

inline constexpr std::size_t no_head = static_cast<std::size_t>(-1);

/// Who wrote a file, and so what it may hold.
struct PlanOptions {
    std::vector<std::string> programs;  ///< absolute paths that it may start
    /// Written by a user: patterns are searched in a way that can be stopped
    /// and keeps no memory.
    bool lean = false;
};

class Plan {
public:
    /// Plans a file that was read.  What check() finds is in `problems()`;
    /// a plan that is not usable must not be run.
    explicit Plan(RcFile file, PlanOptions options = {});
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    const std::string& name() const { return file_.name; }
    const std::vector<Step>& steps() const { return steps_; }
    const std::vector<Problem>& problems() const { return file_.problems; }
    bool usable() const { return file_.usable(); }
    const RcFile& file() const { return file_; }
    bool may_run(const std::string& program) const;
    bool lean() const { return options_.lean; }
    const Prefilter& prefilter(Part part) const
    {
        return prefilters_[static_cast<std::size_t>(part)];
    }
    /// Steps that a run must look at whatever the message holds: one bit each.
    const std::vector<std::uint64_t>& always() const { return always_; }

private:
    void resolve();
    void prepare_conditions(Step& step);
    void fill_prefilters();

    RcFile file_;
    PlanOptions options_;
    std::vector<Step> steps_;
    Prefilter prefilters_[3];
    std::vector<std::uint64_t> always_;
};

/// Reads and plans a rc text.
std::shared_ptr<const Plan> make_plan(std::string_view text, std::string name,
                                      PlanOptions options = {});

}  // namespace policy::recipe
