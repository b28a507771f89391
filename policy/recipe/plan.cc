#include "policy/recipe/plan.h"

#include <algorithm>

#include "policy/recipe/check.h"
#include "policy/recipe/limits.h"
#include "policy/recipe/parse.h"

namespace policy::recipe {
namespace {

using Kind = PreparedCondition::Kind;

/// True if a false outcome of this condition, or the way to it, has no effect
/// but that the recipe does not match.
bool harmless(const PreparedCondition& condition)
{
    if (condition.weighted || condition.kind == Kind::expand ||
        condition.kind == Kind::program)
        return false;
    if (condition.kind != Kind::pattern)
        return condition.text.find_first_of("$\"'\\`") == std::string::npos;
    return !condition.pattern->tree().marks && !condition.pattern->invalid();
}

/// LINEBUF may be set so low that a condition is too long, which is an error
/// that must not be passed over.
bool has_long_line(const Recipe& recipe)
{
    return std::any_of(recipe.conditions.begin(), recipe.conditions.end(),
                       [](const Condition& condition) {
                           return condition.text.size() >= limits::line_min;
                       });
}

}  // namespace

Plan::Plan(RcFile file, PlanOptions options)
    : file_{std::move(file)}, options_{std::move(options)}
{
    steps_.resize(file_.statements.size());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Step& step = steps_[i];
        const Statement& statement = file_.statements[i];
        if (const auto* recipe = std::get_if<Recipe>(&statement)) {
            step.kind = Step::Kind::recipe;
            step.recipe = recipe;
            prepare_conditions(step);
        } else if (const auto* assign = std::get_if<Assignment>(&statement)) {
            step.kind = Step::Kind::assign;
            step.assignment = assign;
            step.is_plain =
                assign->text && assign->text->find_first_of("$\"'\\`# \t\n}") ==
                                    std::string::npos;
            if (step.is_plain)
                step.plain = *assign->text;
        }
    }
    check(file_, steps_, options_.programs);
    if (!usable())
        return;
    resolve();
    fill_prefilters();
}

bool Plan::may_run(const std::string& program) const
{
    const auto& listed = options_.programs;
    return std::find(listed.begin(), listed.end(), program) != listed.end();
}

void Plan::resolve()
{
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        Step& step = steps_[i];
        step.head = open.empty() ? no_head : open.back();
        if (step.kind == Step::Kind::close) {
            steps_[open.back()].after_block = i + 1;
            open.pop_back();
        } else if (step.kind == Step::Kind::recipe &&
                   step.recipe->action.kind == ActionKind::block) {
            open.push_back(i);
        }
    }
}

void Plan::prepare_conditions(Step& step)
{
    const Recipe& recipe = *step.recipe;
    step.conditions.reserve(recipe.conditions.size());
    for (const Condition& condition : recipe.conditions)
        step.conditions.push_back(
            prepare(condition.text, recipe.head.flags.case_matters));
}

void Plan::fill_prefilters()
{
    always_.assign(steps_.size() / 64 + 1, ~std::uint64_t{0});
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        const Step& step = steps_[i];
        if (step.kind != Step::Kind::recipe || step.recipe->head.variables ||
            step.recipe->head.flags.chained() ||
            step.recipe->head.flags.decoded || has_long_line(*step.recipe))
            continue;
        const Flags& flags = step.recipe->head.flags;
        const Part own = !flags.body  ? Part::head
                         : flags.head ? Part::both
                                      : Part::body;
        for (const PreparedCondition& condition : step.conditions) {
            if (!harmless(condition))
                break;
            if (condition.kind != Kind::pattern || condition.negated ||
                condition.target == PreparedCondition::Target::variable)
                continue;
            const auto strings =
                needed_strings(condition.pattern->tree(), Prefilter::least);
            if (strings.empty())
                continue;
            const bool other =
                condition.target == PreparedCondition::Target::part;
            const Part part = other ? condition.part : own;
            prefilters_[static_cast<std::size_t>(part)].add(i, strings);
            always_[i / 64] &= ~(std::uint64_t{1} << (i % 64));
            break;
        }
    }
    for (Prefilter& prefilter : prefilters_)
        prefilter.build();
}

std::shared_ptr<const Plan> make_plan(std::string_view text, std::string name,
                                      PlanOptions options)
{
    RcFile file = parse(text, std::move(name), options.programs);
    return std::make_shared<const Plan>(std::move(file), std::move(options));
}

}  // namespace policy::recipe
