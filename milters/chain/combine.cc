#include <array>
#include <set>
#include <sstream>

#include "milters/chain/chain.h"

namespace milters::chain {

using milter::Needs;
using milter::Program;
using milter::Stage;

namespace {

constexpr std::array<Stage, 9> stages{
    Stage::connect, Stage::helo, Stage::mail, Stage::rcpt, Stage::data,
    Stage::header,  Stage::eoh,  Stage::body, Stage::eom};

/// Stages whose answer, if any, is given at eom.
bool is_content(Stage stage)
{
    return stage == Stage::header || stage == Stage::eoh ||
           stage == Stage::body;
}

bool changes_content(const Needs& needs)
{
    return needs.add_header || needs.change_headers || needs.replace_body;
}

/// @return whether it wants something of the content
bool wants_content(const Needs& needs)
{
    return needs.wants(Stage::header) || needs.wants(Stage::eoh) ||
           needs.wants(Stage::body);
}

bool is_silent_about_content(const Needs& needs)
{
    for (const Stage stage : {Stage::header, Stage::eoh, Stage::body})
        if (needs.wants(stage) && !needs.is_silent(stage))
            return false;
    return true;
}

std::size_t live_one(const std::vector<Program>& programs)
{
    for (std::size_t i = 0; i < programs.size(); ++i) {
        const Needs& needs = programs[i].needs;
        if (wants_content(needs))
            return is_silent_about_content(needs) ? i : programs.size();
        if (changes_content(needs))
            break;
    }
    return programs.size();
}

/// Names of macros by stage, each once, in the order of the milters.
std::string macros_of(const std::vector<Program>& programs, Stage stage)
{
    std::string all;
    std::set<std::string> known;
    for (const Program& program : programs) {
        const char* names =
            program.needs.macros[static_cast<std::size_t>(stage)];
        std::istringstream words{names ? names : ""};
        for (std::string word; words >> word;)
            if (known.insert(word).second)
                all += (all.empty() ? "" : " ") + word;
    }
    return all;
}

/// Whether the MTA need not wait at a stage.
bool is_silent(const std::vector<Program>& programs, Stage stage)
{
    if (is_content(stage))
        return true;
    for (const Program& program : programs)
        if (program.needs.wants(stage) && !program.needs.is_silent(stage))
            return false;
    return true;
}

/// The parts, and what their needs point to.
struct Combined : Parts {
    std::array<std::string, stages.size()> macros;
};

Needs all_needs(Combined& parts)
{
    Needs all;
    for (const Stage stage : stages) {
        bool wanted = stage == Stage::connect || stage == Stage::mail ||
                      stage == Stage::eom;
        for (const Program& program : parts.programs)
            wanted = wanted || program.needs.wants(stage);
        if (!wanted)
            continue;
        auto& macros = parts.macros[static_cast<std::size_t>(stage)];
        macros = macros_of(parts.programs, stage);
        if (stage == Stage::connect)  // tells who the MTA is
            macros += macros.empty() ? "v" : " v";
        const char* const names = macros.empty() ? nullptr : macros.c_str();
        if (stage != Stage::eom && is_silent(parts.programs, stage))
            all.want_silently(stage, names);
        else
            all.want(stage, names);
    }
    for (const Program& program : parts.programs) {
        const Needs& needs = program.needs;
        all.quarantine |= needs.quarantine;
        all.add_header |= needs.add_header;
        all.change_headers |= needs.change_headers;
        all.replace_body |= needs.replace_body;
        all.change_recipients |= needs.change_recipients;
    }
    return all;
}

}  // namespace

Program combine(const char* name, std::vector<Program> programs)
{
    auto parts = std::make_shared<Combined>();
    parts->programs = std::move(programs);
    parts->live = live_one(parts->programs);
    Program out;
    out.name = name;
    out.needs = all_needs(*parts);
    out.make_session = [parts]() -> std::unique_ptr<milter::Session> {
        return std::make_unique<Chain>(parts);
    };
    out.log = parts->programs.front().log;
    return out;
}

}  // namespace milters::chain
