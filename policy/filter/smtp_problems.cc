#include "policy/filter/smtp_problems.h"

#include "policy/recipe/expand.h"

namespace policy::filter {

std::vector<recipe::Problem> smtp_problems(const recipe::Plan& plan)
{
    std::vector<recipe::Problem> problems;
    for (const recipe::Step& step : plan.steps()) {
        if (step.kind != recipe::Step::Kind::recipe)
            continue;
        const recipe::Recipe& recipe = *step.recipe;
        const recipe::Flags& flags = recipe.head.flags;
        const bool part = flags.pass_head != flags.pass_body;
        const auto kind = recipe.action.kind;
        const bool null = recipe.action.text == "/dev/null";
        if (part && !flags.copy && !null &&
            (kind == recipe::ActionKind::folder ||
             kind == recipe::ActionKind::forward))
            problems.push_back({recipe.action.line,
                                "With h or b alone a part of the mail would "
                                "be lost"});
        if (kind != recipe::ActionKind::forward)
            continue;
        const auto words =
            recipe::expand(recipe.action.text, recipe::Words::split, {})
                .words();
        for (const std::string& word : words)
            if (word.starts_with("-"))
                problems.push_back(
                    {recipe.action.line,
                     "Options of sendmail are not passed on: " + word});
    }
    return problems;
}

}  // namespace policy::filter
