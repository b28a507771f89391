#include "policy/recipe/check.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "policy/recipe/expand.h"
#include "policy/recipe/formail.h"
#include "policy/recipe/plan.h"

namespace policy::recipe {
namespace {

class Checker {
public:
    Checker(RcFile& file, std::vector<Step>& steps,
            const std::vector<std::string>& programs)
        : file_{file}, steps_{steps}, programs_{programs}
    {
    }

    void run()
    {
        for (Step& step : steps_) {
            if (step.recipe)
                recipe(step);
            else if (step.assignment)
                assignment(*step.assignment);
        }
        std::stable_sort(
            file_.problems.begin(), file_.problems.end(),
            [](const Problem& a, const Problem& b) { return a.line < b.line; });
    }

private:
    void refuse(std::size_t line, std::string text)
    {
        file_.problems.push_back({line, std::move(text), true});
    }
    void warn(std::size_t line, std::string text)
    {
        file_.problems.push_back({line, std::move(text), false});
    }

    void recipe(Step& step);
    void condition(std::size_t line, const PreparedCondition& condition);
    void pattern(std::size_t line, const PreparedCondition& condition);
    void expanded(std::size_t line, const std::string& text, bool in_quotes);
    void action(Step& step);
    void assignment(const Assignment& assignment);

    RcFile& file_;
    std::vector<Step>& steps_;
    const std::vector<std::string>& programs_;
};

void Checker::recipe(Step& step)
{
    const Recipe& recipe = *step.recipe;
    for (std::size_t i = 0; i < step.conditions.size(); ++i)
        condition(recipe.conditions[i].line, step.conditions[i]);
    action(step);
}

void Checker::expanded(std::size_t line, const std::string& text,
                       bool in_quotes)
{
    const Expansion found =
        expand(text, Words::whole, {}, text.size(), in_quotes);
    for (const std::string& command : found.commands)
        if (const std::string why = refuse_command(command, programs_);
            !why.empty())
            refuse(line, why);
    if (found.all_arguments)
        refuse(line, "\"$@\" is only for programs");
    for (const std::string& name : found.bad_substitutions)
        refuse(line, "Bad substitution of \"" + name + "\"");
}

void Checker::condition(std::size_t line, const PreparedCondition& condition)
{
    using Kind = PreparedCondition::Kind;
    switch (condition.kind) {
        case Kind::program:
            if (const std::string why =
                    refuse_command(condition.text.substr(1), programs_);
                !why.empty())
                refuse(line, "The program of a ? condition is not run: " + why);
            break;
        case Kind::expand:
            expanded(line, condition.text, true);
            break;
        case Kind::larger:
        case Kind::smaller:
            expanded(line, condition.text, false);
            break;
        case Kind::pattern:
            pattern(line, condition);
            break;
    }
}

void Checker::pattern(std::size_t line, const PreparedCondition& condition)
{
    const PatternTree& tree = condition.pattern->tree();
    const std::string& text = condition.text;
    if (tree.too_large)
        refuse(line, "Pattern too large");
    if (tree.bad_groups)
        refuse(line, "Invalid regexp \"" + text + "\"");
    if (tree.repeated_mark)
        refuse(line, "\\/ cannot be repeated");
    if (!text.empty() && text[0] == '\\')
        warn(line,
             "The backslash that begins a condition is dropped; "
             "write () before it");
    const auto has = [&](std::string_view what) {
        return text.find(what) != text.npos;
    };
    for (const char* letter : {"\\d", "\\s", "\\w", "\\b", "\\t", "\\n"})
        if (has(letter))
            warn(line,
                 std::string{letter} + " is only the letter " + (letter + 1));
    if (has("*?") || has("+?"))
        warn(line, "*? and +? are not lazy: the ? is a literal");
    const std::size_t brace = text.find('{');
    if (brace != text.npos && brace + 1 < text.size() &&
        text[brace + 1] >= '0' && text[brace + 1] <= '9')
        warn(line, "{n,m} has no meaning here; the braces are literal");
    const std::size_t open = text.find('[');
    if (open != text.npos &&
        text.substr(open, text.find(']', open) - open).find('\\') != text.npos)
        warn(line, "A backslash inside [] is literal");
    const std::size_t dollar = text.find('$');
    if (dollar != text.npos && dollar + 1 < text.size() &&
        (begins_name(text[dollar + 1]) || text[dollar + 1] == '{'))
        warn(line,
             "Variables are only expanded in conditions that begin "
             "with $");
}

void Checker::action(Step& step)
{
    const Recipe& recipe = *step.recipe;
    const std::size_t line = recipe.action.line;
    switch (recipe.action.kind) {
        case ActionKind::pipe:
        case ActionKind::capture: {
            const std::string why =
                refuse_command(recipe.action.text, programs_);
            if (!why.empty())
                refuse(line, why);
            else if (recipe.action.kind == ActionKind::pipe &&
                     !recipe.head.flags.filter &&
                     only_writes(recipe.action.text))
                refuse(line,
                       "The output of formail would be lost: use the flag f");
            break;
        }
        case ActionKind::forward:
            if (recipe.head.flags.filter)
                refuse(line, "A forward cannot be a filter");
            break;
        case ActionKind::folder:
        case ActionKind::block:
            break;
    }
}

void Checker::assignment(const Assignment& assignment)
{
    if (!assignment.text)
        return;
    const std::string& name = assignment.name;
    if (name == "TRAP" && !assignment.text->empty())
        refuse(assignment.line, "The program of TRAP is not run");
    else if (name == "SENDMAIL")
        refuse(assignment.line, "SENDMAIL cannot be chosen here");
    else if (name == "DELIVERED")
        refuse(assignment.line, "DELIVERED would lose mail");
}

}  // namespace

void check(RcFile& file, std::vector<Step>& steps,
           const std::vector<std::string>& programs)
{
    Checker{file, steps, programs}.run();
}

}  // namespace policy::recipe
