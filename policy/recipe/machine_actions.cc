// What a recipe does when it matches.  Source: procmailrc(5), "Recipe action
// line".
#include <algorithm>

#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {
namespace {

constexpr std::string_view null_device = "/dev/null";

}  // namespace

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
    if (step.recipe->action.kind == ActionKind::folder && flags.filter)
        error("Extraneous filter-flag ignored");
    if (step.recipe->action.kind != ActionKind::block)
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

/// The lock file of a recipe, as far as its failure shows; `implied` is its
/// name if the recipe gives none.
void Machine::lock(const std::string& implied)
{
    const Head& head = *head_;
    if (!spool_ || !head.lock)
        return;
    const std::size_t colon = head.text.find(':');
    const Expansion text = expand(std::string_view{head.text}.substr(colon + 1),
                                  Words::split, lookup(), line_limit_);
    std::string name{text.first()};
    if (name.empty())
        name = implied;
    if (implied.starts_with(null_device) && name == implied)
        return;
    if (name.empty()) {
        error("Couldn't determine implicit lockfile from \"" +
              mail_command()[0] + "\"");
        return;
    }
    for (std::string& complaint : spool_->lock_errors(directory_, name))
        error(std::move(complaint));
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
    const Expansion text =
        value_of(step.recipe->action.text, Words::split, line_limit_);
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
    lock("");
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
                                   flags.copy,
                                   last_size_,
                                   false});
    trace_action({"forward", line, joined(command, ','), {}}, false);
    return done(flags, true);
}

Machine::Go Machine::folder(const Step& step, const Flags& flags)
{
    // A name is read by itself, since it could begin a capture; blanks that
    // begin a variable behind it then end no word.
    const std::string& line = step.recipe->action.text;
    std::size_t name = 0;
    while (name < line.size() &&
           (name == 0 ? begins_name(line[0]) : in_name(line[name])))
        ++name;
    if (line.compare(name, 1, "$") != 0)
        name = 0;
    const Expansion text =
        value_of(std::string_view{line}.substr(name), Words::split,
                 line_limit_ > name ? line_limit_ - name : 0);
    if (text.overflow) {
        overflow();
        worked_ = false;
        return Go::on;
    }
    // A filter flag that does not belong here makes the whole mail pass.
    const std::string_view part =
        flags.filter ? message_->text() : passed_part(flags);
    std::vector<std::string> words = text.words();
    words[0] = line.substr(0, name) + words[0];
    return write_folder(words, step, flags, part);
}

Machine::Go Machine::write_folder(const std::vector<std::string>& words,
                                  const Step& step, const Flags& flags,
                                  std::string_view part)
{
    const std::string place = where(step.recipe->line);
    const bool null = words[0] == null_device;
    effect({null ? Effect::Kind::discard : Effect::Kind::deliver,
            words,
            {},
            flags.copy,
            place,
            part.size() == message_->header().size() && flags.pass_head,
            flags.pass_body && !flags.pass_head});
    if (!spool_) {
        set_last_folder(words[0]);
        trace_action({"folder", words[0], {}, {}}, false);
        if (setup_->trace)
            outcome_.deliveries.push_back({"folder",
                                           {},
                                           words[0],
                                           place,
                                           flags.copy,
                                           part.size(),
                                           false});
        return done(flags, true);
    }
    lock(words[0] + std::string{variables_.value("LOCKEXT")});
    Written written = spool_->write(directory_, words, *message_, part,
                                    flags.raw, flags.ignore_errors);
    if (!written.opened)
        written.size = last_size_;
    for (std::string& text : written.errors)
        error(std::move(text));
    if (!written.recorded)
        return done(flags, false);
    set_last_folder(written.last_folder);
    Delivery delivery{"folder",   written.kind, written.target, place,
                      flags.copy, written.size, !written.done};
    if (written.done)
        last_size_ = written.size;
    else
        delivery.size.reset();
    outcome_.deliveries.push_back(std::move(delivery));
    trace_action({"folder", written.target, {}, {}}, !written.done);
    return done(flags, written.done);
}

}  // namespace policy::recipe
