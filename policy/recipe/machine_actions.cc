// What a recipe does when it matches.  Source: procmailrc(5), "Recipe action
// line".
#include <algorithm>

#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {

std::string joined(const std::vector<std::string>& words, char between)
{
    std::string out;
    for (const std::string& word : words) {
        if (&word != &words.front())
            out += between;
        out += word;
    }
    return out;
}

/// What procmail says of a recipe's flags, also where it only reads past.
void Machine::complain(const Head& head)
{
    if (!head.rest.empty())
        error("Skipped: " + head.rest);
    if (spool_ && head.lock)
        complain_of_lock(head);
    if (!head.flags.on_error)
        return;
    if (head.flags.or_else)
        error("Conflicting else-if-flag suppressed");
    if (head.flags.and_if_done)
        error("Conflicting also-if-succeeded-flag suppressed");
}

void Machine::complain_of_action(const Step& step, const Head& head)
{
    const Flags& flags = head.flags;
    const ActionKind kind = step.recipe->action.kind;
    if (flags.filter && kind != ActionKind::pipe)
        error("Extraneous filter-flag ignored");
    if (kind != ActionKind::block)
        return;
    if (head.lock && !flags.copy)
        error("Extraneous locallockfile ignored");
    if (flags.pass_body)
        error("Extraneous deliver-body flag ignored");
    if (flags.pass_head)
        error("Extraneous deliver-head flag ignored");
    if (flags.ignore_errors)
        error("Extraneous ignore-write-error flag ignored");
    if (flags.raw)
        error("Extraneous raw-mode flag ignored");
}

/// Whether the line of a program is longer than procmail reads; it complains
/// of others too if it does not run them, which it reads without variables.
bool Machine::is_cut_short(const Action& action, bool runs)
{
    bool too_long = false;
    if (action.kind == ActionKind::pipe || action.kind == ActionKind::capture) {
        too_long = action.text.size() >= line_limit_;
    } else if (!runs && action.kind != ActionKind::block) {
        const std::size_t used =
            action.kind == ActionKind::forward ? command_size() : 0;
        too_long =
            used + action.text.size() > line_limit_ &&
            expand(action.text, Words::split, {}, line_limit_ - used).overflow;
        worked_ = worked_ && !too_long;
    }
    if (too_long)
        overflow();
    return too_long;
}

/// Bytes of a line that the program takes that forwards get.
std::size_t Machine::command_size() const
{
    std::size_t size = 0;
    for (const std::string& word : mail_command())
        size += word.size() + 1;
    return std::min(size, line_limit_);
}

std::string_view Machine::passed_part(const Flags& flags) const
{
    if (flags.pass_head == flags.pass_body)
        return message_->text();
    return flags.pass_head ? message_->header() : message_->body();
}

void Machine::trace_action(ActionTrace action, bool failed)
{
    RecipeTrace* const trace = tracing();
    if (!trace)
        return;
    trace->run = true;
    trace->failed = failed;
    trace->action = std::move(action);
}

Machine::Go Machine::act(const Step& step, const Flags& flags)
{
    switch (step.recipe->action.kind) {
        case ActionKind::block:
            return block(step, flags);
        case ActionKind::forward:
            return forward(step, flags);
        case ActionKind::folder:
            return folder(step, flags);
        case ActionKind::pipe:
            if (!flags.filter)
                return deliver_to_program(step, flags);
            filter(step, flags);
            return Go::on;
        case ActionKind::capture:
            capture(step, flags);
            return Go::on;
    }
    return Go::on;
}

Machine::Go Machine::block(const Step& step, const Flags& flags)
{
    trace_action({flags.copy ? "clone" : "block", {}, {}, {}}, false);
    lock_folder("");
    if (!flags.copy) {
        enter_block();
        return Go::on;
    }
    const bool waits = flags.wait || flags.wait_quiet || head_->lock;
    return spawn_clone(step, flags, waits) ? Go::on : Go::stop;
}

Machine::Go Machine::done(const Flags& flags, bool worked)
{
    worked_ = worked;
    if (!worked || flags.copy)
        return Go::on;
    outcome_.ending = Ending::delivered;
    return Go::stop;
}

std::vector<std::string> Machine::mail_command() const
{
    std::vector<std::string> words{std::string{variables_.value("SENDMAIL")}};
    std::string word;
    for (const char c : std::string{variables_.value("SENDMAILFLAGS")} + " ") {
        if (c != ' ' && c != '\t' && c != '\n') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(word);
            word.clear();
        }
    }
    return words;
}

Machine::Go Machine::forward(const Step& step, const Flags& flags)
{
    const Expansion text = value_of(step.recipe->action.text, Words::split,
                                    line_limit_ - command_size());
    if (text.overflow) {
        overflow();
        worked_ = false;
        return Go::on;
    }
    const std::vector<std::string> to = text.words();
    if (budget_->forwards + to.size() > limits::forwards) {
        error("Too many addresses to forward to");
        outcome_.ending = Ending::limit;
        return Go::stop;
    }
    budget_->forwards += to.size();
    effect({Effect::Kind::forward,
            to,
            {},
            flags.copy,
            where(step.recipe->line),
            flags.pass_head && !flags.pass_body,
            flags.pass_body && !flags.pass_head});
    if (!setup_->trace)
        return done(flags, true);
    std::vector<std::string> command = mail_command();
    ++budget_->processes;
    lock(command[0]);
    command.insert(command.end(), to.begin(), to.end());
    const std::string_view part = passed_part(flags);
    const bool whole = part.data() == message_->text().data();
    const std::size_t from =
        whole ? message_->size() - message_->text_after_from().size() : 0;
    const std::size_t newline =
        flags.raw || part.substr(from).ends_with("\n\n") ? 0 : 1;
    last_size_ = part.size() - from + newline;
    const std::string line = joined(command, ' ');
    set_last_folder(line);
    outcome_.deliveries.push_back({"forward",
                                   {},
                                   line,
                                   where(step.recipe->line),
                                   step.recipe->head.flags.copy,
                                   last_size_,
                                   false});
    trace_action({"forward", line, joined(command, ','), {}}, false);
    return done(flags, true);
}

}  // namespace policy::recipe
