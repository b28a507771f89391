// Conditions and scores.  Source: procmailrc(5), procmailsc(5).
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {
namespace {

constexpr double plus_infinity = 2147483647;
constexpr double minus_infinity = -2147483647;

using Kind = PreparedCondition::Kind;
using Target = PreparedCondition::Target;

}  // namespace

bool Machine::conditions(const Step& step, Flags flags)
{
    bool ok = true;
    if (flags.on_error) {
        ok = previous_ && !worked_;
        flags.or_else = flags.and_if_done = false;
    }
    if (flags.or_else)
        ok = ok && !previous_;
    if (flags.and_if_done)
        ok = ok && last_ && worked_;
    if (flags.and_also)
        ok = ok && last_;
    double score = 0;
    bool scored = false;
    // Its first line had variables, which the plan did not know.
    const bool other_case =
        flags.case_matters != step.recipe->head.flags.case_matters;
    for (std::size_t i = 0; i < step.conditions.size(); ++i) {
        if (step.recipe->conditions[i].size >= line_limit_) {
            overflow();
            ok = false;
        }
        if (!ok)
            continue;
        ok = other_case ? condition(prepare(step.recipe->conditions[i].text,
                                            flags.case_matters),
                                    flags, score, scored)
                        : condition(step.conditions[i], flags, score, scored);
    }
    score_ = static_cast<long>(score);
    if (score_ == 0 && score > 0)
        score_ = 1;
    return ok && !(scored && score <= 0);
}

bool Machine::expand_condition(PreparedCondition& condition, bool case_matters)
{
    for (int rounds = 0; condition.kind == Kind::expand; ++rounds) {
        const Expansion text =
            value_of(condition.text, Words::whole, line_limit_, true);
        for (const std::string& bad : text.bad_substitutions)
            error("Bad substitution of \"" + bad + "\"");
        if (text.overflow || rounds > 32) {
            overflow();
            return false;
        }
        std::string value{text.first()};
        value.erase(0, std::min(value.find_first_not_of(" \t"), value.size()));
        condition = prepare(std::move(value), case_matters, condition);
    }
    return true;
}

bool Machine::condition(const PreparedCondition& prepared, const Flags& flags,
                        double& score, bool& scored)
{
    // A weighted condition behind plus infinity is passed over, unlogged.
    if (prepared.weighted && score >= plus_infinity)
        return true;
    PreparedCondition made;
    const PreparedCondition* condition = &prepared;
    if (prepared.kind == Kind::expand) {
        made = prepared;
        if (!expand_condition(made, flags.case_matters))
            return false;
        if (made.weighted && score >= plus_infinity)
            return true;
        condition = &made;
        if (made.pattern && made.pattern->invalid())
            error("regexp: " + made.pattern->text());
    }
    scored = scored || condition->weighted;
    const double before = score;
    std::string shown = condition->text;
    bool sunk = false;
    bool ok = test(*condition, flags, score, shown, sunk);
    score = std::min(score, plus_infinity);
    if (score <= minus_infinity || sunk) {
        score = minus_infinity;
        ok = false;
    }
    if (setup_->trace)
        trace_condition(*condition, shown, ok, before, score);
    return ok;
}

void Machine::trace_condition(const PreparedCondition& condition,
                              const std::string& shown, bool ok, double before,
                              double after)
{
    ConditionTrace trace;
    trace.text = shown;
    trace.ok = ok;
    trace.negated = condition.negated;
    trace.weighted = condition.weighted;
    if (condition.weighted) {
        trace.add = static_cast<long>(after - before);
        trace.total = static_cast<long>(after);
        trace.plus = trace.total == 0 && after > 0;
    }
    outcome_.trace.back().conditions.push_back(std::move(trace));
}

const Area& Machine::area_of(const PreparedCondition& condition,
                             const Flags& flags, std::size_t& size)
{
    if (condition.target == Target::variable) {
        variable_area_ =
            Area{named(condition.variable).value_or(std::string_view{})};
        size = variable_area_.text().size();
        return variable_area_;
    }
    Part part = condition.part;
    if (condition.target == Target::recipe) {
        part = !flags.body ? Part::head : flags.head ? Part::both : Part::body;
        size = message_->size();
    } else {
        size = message_->size(part);
    }
    return flags.decoded && !spool_ ? message_->decoded_area(part)
                                    : message_->area(part);
}

bool Machine::test(const PreparedCondition& condition, const Flags& flags,
                   double& score, std::string& shown, bool& sunk)
{
    std::size_t size = 0;
    if (condition.kind == Kind::larger || condition.kind == Kind::smaller) {
        // Only a size is asked for: no area need be made.
        if (condition.target == Target::variable)
            size = named(condition.variable).value_or("").size();
        else
            size = condition.target == Target::recipe
                       ? message_->size()
                       : message_->size(condition.part);
        const bool ok = test_size(condition, size, score, shown);
        sunk = condition.weighted && !ok;
        return ok;
    }
    const Area& area = area_of(condition, flags, size);
    if (condition.kind == Kind::program)
        return test_program(condition, area, score, shown);
    if (!condition.pattern)
        return false;
    const Pattern& pattern = *condition.pattern;
    if (condition.weighted) {
        score_pattern(condition, area, score);
        return true;
    }
    if (pattern.empty())
        return !condition.negated;
    if (!pattern.tree().marks)
        return pattern.matches(area, way()) != condition.negated;
    const Found found = pattern.with_mark(area, way());
    if (found.marked)
        set_match(found.text, condition.variable == "MATCH");
    return found.match != condition.negated;
}

const Stop* Machine::stop()
{
    if (!setup_->late)
        return nullptr;
    if (!stop_)
        stop_ = [this] { return late(); };
    return &stop_;
}

/// Lean for recipes whose writers are not trusted.
Pattern::Way Machine::way()
{
    return {stop(), !frames_.empty() && frames_.back().plan->lean()};
}

/// `in_itself`: what was searched was MATCH.
void Machine::set_match(std::string_view text, bool in_itself)
{
    const std::string value{text.substr(0, text.find('\0'))};
    if (set("MATCH", value) && setup_->trace)
        outcome_.assigns.back().silent = in_itself;
}

}  // namespace policy::recipe
