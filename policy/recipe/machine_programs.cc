// The built-in formail and listed programs: pipes, filters, captures and
// backquotes.
#include "policy/recipe/formail.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {

Expansion Machine::value_of(std::string_view text, Words words,
                            std::size_t limit, bool in_quotes)
{
    const Commands commands = [this](std::string_view command,
                                     std::size_t room) {
        std::string output, exec;
        this->command(std::string{command}, message_->text(), output, exec,
                      last_exit_);
        if (output.size() > room) {
            output.resize(room);
            error("Excessive output quenched from \"" +
                  exec.substr(0, exec.find(',')) + "\"");
            set("PROCMAIL_OVERFLOW", "yes");
        }
        while (output.ends_with("\n"))
            output.pop_back();
        return output;
    };
    return expand(text, words, lookup(), limit, in_quotes, commands);
}

/// Runs the built-in formail or a listed program; false, with an error, if
/// the line turned out to be something else once its variables were known, or
/// if the program failed.
bool Machine::command(const std::string& line, std::string_view input,
                      std::string& output, std::string& exec, int& status)
{
    const Expansion text = expand(line, Words::split, lookup(), line_limit_);
    const std::vector<std::string> words = text.words();
    exec = joined(words, ',');
    budget_->processes += 1;
    status = 127;
    if (text.overflow) {
        error("Exceeded LINEBUF");
        return false;
    }
    if (words[0].empty())
        return false;
    if (!frames_.empty() && frames_.back().plan->may_run(words[0]))
        return start(words, input, output, status);
    const auto call = parse_formail(words);
    if (!call) {
        error(call.error().text);
        return false;
    }
    status = 0;
    output = run_formail(*call, input);
    if (call->duplicates.empty())
        return true;
    const bool seen =
        world_->seen_before(call->duplicates, message_id(input), scope());
    status = seen ? 0 : 1;
    return seen;
}

bool Machine::start(const std::vector<std::string>& words,
                    std::string_view input, std::string& output, int& status)
{
    ProgramResult result = world_->run_program(words, input);
    status = result.status;
    output = std::move(result.output);
    if (!result.error.empty())
        error(std::move(result.error));
    return status == 0;
}

/// A pipe that takes the mail: there is no copy left for the mailbox.
Machine::Go Machine::deliver_to_program(const Step& step, const Flags& flags)
{
    std::string output, exec;
    int status = 0;
    const bool worked = command(step.recipe->action.text, passed_part(flags),
                                output, exec, status);
    trace_action({"pipe", {}, exec, {}}, !worked);
    last_exit_ = status;
    // Without w nobody waits for what the program says in the end.
    const bool waits = flags.wait || flags.wait_quiet || head_->lock;
    const bool taken = worked || (!waits && status < 127);
    if (taken)
        effect({Effect::Kind::discard,
                {"|"},
                {},
                flags.copy,
                where(step.recipe->line)});
    return done(flags, taken);
}

/// Locks what a filter or capture names, and tells what has no meaning there.
void Machine::prepare_program(const Step& step, const Flags& flags)
{
    if (spool_ && head_->lock) {
        const Expansion line = expand(step.recipe->action.text, Words::split,
                                      lookup(), line_limit_);
        lock(std::string{line.first()});
    }
    if (flags.copy)
        error("Extraneous copy-flag ignored");
}

void Machine::filter(const Step& step, const Flags& flags)
{
    prepare_program(step, flags);
    std::string output, exec;
    const bool worked = command(step.recipe->action.text, passed_part(flags),
                                output, exec, last_exit_);
    trace_action({"filter", {}, exec, {}}, !worked);
    worked_ = worked;
    if (worked && scope() == Scope::user && !setup_->user_edits) {
        error("Users may not edit the message");
        return;
    }
    if (!worked)
        return;
    std::string text;
    if (flags.pass_head != flags.pass_body)
        text = flags.pass_head ? output + std::string{message_->body()}
                               : std::string{message_->header()} + output;
    else
        text = std::move(output);
    message_ = std::make_shared<const Message>(std::move(text));
    outcome_.message_changed = true;
    outcome_.body_changed =
        outcome_.body_changed || flags.pass_body || !flags.pass_head;
    for (Frame& frame : frames_)
        frame.candidates.clear();
}

void Machine::capture(const Step& step, const Flags& flags)
{
    const Action& action = step.recipe->action;
    prepare_program(step, flags);
    std::string output, exec;
    set(action.name, "");
    const bool worked =
        command(action.text, passed_part(flags), output, exec, last_exit_);
    if (output.ends_with("\n"))
        output.pop_back();
    trace_action({"capture", {}, exec, action.name}, !worked);
    worked_ = worked;
    if (!worked ||
        !variables_.set(action.name, output.substr(0, output.find('\0'))))
        return;
    magic(action.name, std::string{variables_.value(action.name)}, false);
}

}  // namespace policy::recipe
