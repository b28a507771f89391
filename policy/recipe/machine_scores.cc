// What a condition adds to the score; sizes and programs, which can also be
// asked without one.  Source: procmailsc(5).
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "policy/recipe/machine.h"

namespace policy::recipe {
namespace {

constexpr double plus_infinity = 2147483647;
constexpr double minus_infinity = -2147483647;

/// Matches after which it pays to know where all of them end.
constexpr std::size_t many = 32;

using Kind = PreparedCondition::Kind;

}  // namespace

void Machine::score_pattern(const PreparedCondition& condition,
                            const Area& area, double& score)
{
    const Pattern& pattern = *condition.pattern;
    double weight = condition.weight;
    const double exponent = condition.exponent;
    const bool marks = pattern.tree().marks;
    if (condition.negated) {
        if (weight == 0)
            return;
        const Found found =
            marks ? pattern.with_mark(area, way())
                  : Found{pattern.matches(area, way()), false, {}};
        if (found.marked)
            set_match(found.text, condition.variable == "MATCH");
        if (!found.match)
            score += weight;
        return;
    }
    Simulation run = pattern.simulation(stop());
    std::optional<RightSides> sides;
    std::size_t matches = 0;
    double old_square = weight * weight;
    for (std::size_t from = 0; from <= area.text().size();) {
        if (weight == 0 || score <= minus_infinity || score >= plus_infinity)
            return;
        std::optional<Offset> end = run.first_end(area.text(), from);
        if (!end)
            return;
        if (marks) {
            if (++matches == many && pattern.right_sides_fit(area)) {
                sides.emplace(pattern.right_sides(area, stop()));
                run.use(&*sides);
            }
            if (from == area.text().size())
                run.use(nullptr);  // behind the last newline is another
            const Found found = run.with_mark(area.text(), from, end);
            if (found.marked)
                set_match(found.text, condition.variable == "MATCH");
            if (!end)
                return;
        }
        score += weight;
        weight *= exponent;
        if (*end <= static_cast<Offset>(from)) {
            if (exponent > 0 && exponent < 1)
                score += weight / (1 - exponent);
            else if (exponent >= 1 && weight != 0)
                score += weight < 0 ? minus_infinity : plus_infinity;
            return;
        }
        const double square = weight * weight;
        if (square < old_square && old_square < 1)
            return;
        old_square = square;
        from = static_cast<std::size_t>(*end);
    }
}

bool Machine::test_program(const PreparedCondition& condition, const Area& area,
                           double& score, std::string& shown)
{
    std::string output, exec;
    int status = 0;
    shown.erase(0, std::min(shown.find_first_not_of(" \t", 1), shown.size()));
    command(shown, area.text(), output, exec, status);
    last_exit_ = status;
    if (!condition.weighted)
        return (status == 0) != condition.negated;
    if (!condition.negated) {
        score += status == 0 ? condition.weight : condition.exponent;
        return true;
    }
    double weight = condition.weight;
    for (int i = 0; i < status; ++i, weight *= condition.exponent)
        score += weight;
    return true;
}

bool Machine::test_size(const PreparedCondition& condition, std::size_t size,
                        double& score, std::string& shown)
{
    if (shown.find_first_of("$\"'\\`# \t") != shown.npos) {
        const Expansion text = value_of(shown, Words::whole, line_limit_);
        if (text.overflow) {
            overflow();
            return false;
        }
        shown = text.first();
    }
    char* end = nullptr;
    const char* const start = shown.c_str() + (shown.empty() ? 0 : 1);
    const long limit = std::strtol(start, &end, 10);
    std::string junk{end};
    junk.erase(0, std::min(junk.find_first_not_of(" \t"), junk.size()));
    if (!junk.empty())
        error("Skipped: " + junk);
    const bool smaller = condition.kind == Kind::smaller;
    const auto measured = static_cast<double>(size);
    if (!condition.weighted) {
        const auto signed_size = static_cast<long>(size);
        return (smaller ? signed_size < limit : signed_size > limit) !=
               condition.negated;
    }
    double ratio = 0;
    if (smaller != condition.negated) {
        if (size == 0 && limit <= 0)
            return false;
        if (size == 0) {
            score = plus_infinity;
            return true;
        }
        ratio = static_cast<double>(limit) / measured;
    } else if (limit == 0) {
        score = plus_infinity;
        return true;
    } else {
        ratio = measured / static_cast<double>(limit);
    }
    score += condition.weight * std::pow(ratio, condition.exponent);
    return true;
}

}  // namespace policy::recipe
