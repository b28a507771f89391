#include "milters/postern/filter_compat.h"

#include <sysexits.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "milters/postern/filter_json.h"
#include "policy/filter/smtp.h"
#include "policy/filter/smtp_problems.h"

namespace milters::postern {
namespace {

using nlohmann::json;
using namespace policy::recipe;

struct Judgement {
    std::string level, reason;
};

/// Recipes end where the next statement begins.
std::optional<std::string> refusal(const std::vector<Problem>& problems,
                                   std::size_t from, std::size_t to)
{
    for (const Problem& problem : problems)
        if (problem.fatal && problem.line >= from && problem.line < to)
            return problem.text;
    return std::nullopt;
}

Judgement judge(const Recipe& recipe)
{
    const Flags& flags = recipe.head.flags;
    switch (recipe.action.kind) {
        case ActionKind::block:
            if (flags.copy)
                return {"approximated",
                        "of a copied block only forwards count"};
            break;
        case ActionKind::folder:
            if (recipe.action.text == "/dev/null" ||
                recipe.action.text == "$DEFAULT" ||
                recipe.action.text == "$ORGMAIL")
                break;
            return {"only at delivery", "a header names the folder"};
        case ActionKind::forward:
        case ActionKind::pipe:
        case ActionKind::capture:
            break;
    }
    if (recipe.head.lock)
        return {"exact", "the lock is not needed"};
    return {"exact", ""};
}

std::size_t line_of(const Statement& statement)
{
    return std::visit([](const auto& one) { return one.line; }, statement);
}

json report(const Plan& plan)
{
    json lines = json::array();
    std::vector<Problem> problems = plan.problems();
    for (Problem& problem : policy::filter::smtp_problems(plan))
        problems.push_back(std::move(problem));
    const auto& statements = plan.file().statements;
    std::vector<bool> told(problems.size());
    for (std::size_t i = 0; i < statements.size(); ++i) {
        const auto* recipe = std::get_if<Recipe>(&statements[i]);
        if (!recipe)
            continue;
        const std::size_t end = i + 1 < statements.size()
                                    ? line_of(statements[i + 1])
                                    : static_cast<std::size_t>(-1);
        Judgement judgement = judge(*recipe);
        if (const auto why = refusal(problems, recipe->line, end))
            judgement = {"refused", *why};
        for (std::size_t p = 0; p < problems.size(); ++p)
            if (problems[p].line >= recipe->line && problems[p].line < end)
                told[p] = problems[p].fatal;
        lines.push_back({{"line", recipe->line},
                         {"level", judgement.level},
                         {"reason", text_of(judgement.reason)}});
    }
    for (std::size_t p = 0; p < problems.size(); ++p)
        if (!told[p])
            lines.push_back(
                {{"line", problems[p].line},
                 {"level", problems[p].fatal ? "refused" : "warning"},
                 {"reason", text_of(problems[p].text)}});
    std::stable_sort(lines.begin(), lines.end(),
                     [](const json& a, const json& b) {
                         return a.at("line") < b.at("line");
                     });
    return lines;
}

std::vector<std::string> files_of(const std::vector<std::string>& paths)
{
    std::vector<std::string> files;
    for (const std::string& path : paths) {
        std::error_code error;
        if (!std::filesystem::is_directory(path, error)) {
            files.push_back(path);
            continue;
        }
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(path, error))
            if (entry.is_regular_file(error))
                files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    return files;
}

constexpr std::array levels = {"exact", "approximated", "only at delivery",
                               "refused"};

/// One line of the table: how many recipes of each level.
void table_row(const std::string& path, const json& lines)
{
    std::array<std::size_t, levels.size()> counts{};
    for (const json& line : lines)
        for (std::size_t i = 0; i < levels.size(); ++i)
            counts[i] += line.at("level") == levels[i] ? 1U : 0U;
    for (std::size_t i = 0; i < levels.size(); ++i)
        std::cout << std::setw(
                         static_cast<int>(std::string_view{levels[i]}.size()))
                  << counts[i] << "  ";
    std::cout << path << '\n';
}

void table_head()
{
    for (const char* level : levels)
        std::cout << level << "  ";
    std::cout << "file\n";
}

}  // namespace

int compat(const std::vector<std::string>& paths, bool as_json,
           const std::vector<std::string>& programs)
{
    PlanOptions options;
    options.programs = programs;
    int code = EX_OK;
    const bool table =
        !as_json && std::any_of(paths.begin(), paths.end(), [](const auto& p) {
            std::error_code error;
            return std::filesystem::is_directory(p, error);
        });
    if (table)
        table_head();
    for (const std::string& path : files_of(paths)) {
        std::ifstream in{path, std::ios::binary};
        if (!in) {
            std::cerr << "postern: cannot read " << path << '\n';
            return EX_NOINPUT;
        }
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        const json lines = report(*make_plan(text, path, options));
        for (const json& line : lines) {
            const std::string level = line.at("level").get<std::string>();
            if (level == "refused")
                code = 1;
            if (!as_json && !table)
                std::cout << path << ':' << line.at("line") << ": " << level
                          << (line.at("reason") == "" ? "" : ": ")
                          << line.at("reason").get<std::string>() << '\n';
        }
        if (table)
            table_row(path, lines);
        if (as_json)
            std::cout << json{{"file", path}, {"recipes", lines}}.dump()
                      << '\n';
    }
    return code;
}

}  // namespace milters::postern
