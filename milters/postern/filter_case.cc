#include "milters/postern/filter_case.h"

#include <algorithm>
#include <filesystem>

#include "milters/postern/filter_host.h"
#include "milters/postern/filter_json.h"
#include "policy/filter/smtp.h"
#include "policy/filter/smtp_problems.h"
#include "policy/recipe/expand.h"
#include "policy/recipe/machine.h"

namespace milters::postern {
namespace {

using nlohmann::json;
using namespace policy::recipe;

std::string text_member(const json& value)
{
    if (!value.is_array())
        return bytes_of(value.get<std::string>());
    std::string lines;
    for (const json& line : value)
        lines += bytes_of(line.get<std::string>()) + "\n";
    return lines;
}

std::vector<std::string> list_member(const json& object, const char* name)
{
    std::vector<std::string> out;
    if (object.contains(name))
        for (const json& one : object.at(name))
            out.push_back(bytes_of(one.get<std::string>()));
    return out;
}

std::string refusal(const Plan& plan, const std::vector<Problem>& problems)
{
    std::string text;
    for (const Problem& problem : problems)
        if (problem.fatal)
            text += (text.empty() ? "" : "; ") + plan.name() + ":" +
                    std::to_string(problem.line) + ": " + problem.text;
    return text;
}

PlanOptions options_for(const FilterHost* host)
{
    PlanOptions options;
    if (host)
        options.programs = host->programs();
    return options;
}

/// The files that a case brings along; for all else the host.
class CaseWorld : public World {
public:
    CaseWorld(const FilterCase& given, FilterHost* host)
        : given_{given}, host_{host}
    {
    }

    std::shared_ptr<const Plan> rc_file(const std::string& path,
                                        const std::string& full,
                                        Scope scope) override
    {
        if (auto own = own_file(full))
            return own;
        return host_ ? host_->rc_file(path, full, scope) : nullptr;
    }

    ProgramResult run_program(const std::vector<std::string>& words,
                              std::string_view input) override
    {
        return host_ ? host_->run_program(words, input)
                     : World::run_program(words, input);
    }

    policy::Result<std::optional<std::string>> lookup(const std::string& map,
                                                      const std::string& key,
                                                      Scope scope) override
    {
        return host_ ? host_->lookup(map, key, scope)
                     : World::lookup(map, key, scope);
    }

    const std::string& refused() const { return refused_; }

private:
    std::shared_ptr<const Plan> own_file(const std::string& full)
    {
        const std::string below = given_.home + "/";
        if (full.compare(0, below.size(), below) != 0)
            return nullptr;
        const auto it =
            given_.files.find(std::filesystem::path{full.substr(below.size())}
                                  .lexically_normal()
                                  .string());
        if (it == given_.files.end())
            return nullptr;
        auto& plan = plans_[it->first];
        if (!plan)
            plan = make_plan(it->second, it->first, options_for(host_));
        if (!plan->usable() && refused_.empty())
            refused_ = refusal(*plan, plan->problems());
        return plan->usable() ? plan : nullptr;
    }

    const FilterCase& given_;
    FilterHost* host_;
    std::map<std::string, std::shared_ptr<const Plan>> plans_;
    std::string refused_;
};

bool names_exit_code(const FilterCase& given)
{
    if (given.rc.find("EXITCODE") != given.rc.npos)
        return true;
    for (const auto& [name, text] : given.files)
        if (text.find("EXITCODE") != text.npos)
            return true;
    return false;
}

/// procmail would read in front of a mail that begins with its subject when it
/// logs a delivery, and so it is not asked to log any.
bool sizes_are_logged(const FilterCase& given)
{
    const std::size_t start = given.message.find_first_not_of('\n');
    if (given.from || start == given.message.npos)
        return true;
    std::string name = given.message.substr(start, 8);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return name != "subject:";
}

/// procmail's log gives no $= at its end: it is asked for by a TRAP on the
/// command line, which is expanded before any recipe has scored.
void as_log_shows(json& answer, bool sizes)
{
    answer["last_score"] = answer.at("score");
    answer["score"] = "0";
    if (!sizes)
        for (json& delivery : answer.at("deliveries"))
            delivery.erase("size");
    if (answer.contains("clones"))
        for (json& clone : answer.at("clones"))
            as_log_shows(clone, sizes);
}

}  // namespace

RunSetup setup_of(const FilterCase& given)
{
    RunSetup setup;
    setup.presets =
        policy::recipe::procmail_presets(given.user, given.home, given.host);
    const policy::recipe::Presets more{{"TZ", "UTC"},
                                       {"COMSAT", "no"},
                                       {"VERBOSE", "on"},
                                       {"LOGABSTRACT", "all"}};
    setup.presets.insert(setup.presets.end(), more.begin(), more.end());
    for (const std::string& preset : given.presets) {
        const std::size_t equals = preset.find('=');
        if (equals == preset.npos)
            continue;
        const Expansion value =
            expand(preset.substr(equals + 1), Words::whole, {});
        setup.presets.emplace_back(preset.substr(0, equals), value.first());
    }
    setup.arguments = given.arguments;
    setup.host = given.host;
    setup.rc_path = given.home + "/.procmailrc";
    setup.trace = true;
    if (given.as_delivery_agent) {
        setup.spool.emplace(given.home, given.host);
        for (const std::string& name : given.directories)
            setup.spool->tree().add_directory(given.home + "/" + name);
        for (const auto& [name, text] : given.files)
            setup.spool->tree().add_file(given.home + "/" + name);
        setup.spool->tree().add_file(setup.rc_path);
    }
    return setup;
}

FilterCase read_case(const json& object)
{
    FilterCase made;
    made.rc = text_member(object.at("rc"));
    made.rc_name = "rc";
    made.message = text_member(object.at("message"));
    if (object.contains("from") && !object.at("from").is_null())
        made.from = bytes_of(object.at("from").get<std::string>());
    made.keep_log_variables = object.value("keep_log_vars", false);
    made.arguments = list_member(object, "args");
    made.presets = list_member(object, "preset");
    made.directories = list_member(object, "dirs");
    if (object.contains("files"))
        for (const auto& [name, text] : object.at("files").items())
            made.files[bytes_of(name)] = text_member(text);
    return made;
}

json run_case(const FilterCase& given, FilterHost* host)
{
    const auto plan = make_plan(given.rc, given.rc_name, options_for(host));
    if (!plan->usable())
        return {{"error", text_of(refusal(*plan, plan->problems()))}};
    const auto problems = policy::filter::smtp_problems(*plan);
    if (!given.as_delivery_agent && !problems.empty())
        return {{"error", text_of(refusal(*plan, problems))}};
    std::string text = given.message;
    if (given.from)
        text = with_from_line(text, from_line(*given.from, given.now));
    CaseWorld world{given, host};
    const auto message = std::make_shared<const Message>(std::move(text));
    const Outcome outcome = run(plan, message, setup_of(given), world);
    if (!world.refused().empty())
        return {{"error", text_of(world.refused())}};
    json answer = to_json(
        outcome, TraceForm{!names_exit_code(given), given.keep_log_variables});
    if (given.as_delivery_agent)
        as_log_shows(answer, sizes_are_logged(given));
    else
        answer["milter"] = to_json(policy::filter::at_smtp_time(
            outcome, *message,
            host ? host->settings() : policy::filter::Settings{}));
    return answer;
}

}  // namespace milters::postern
