// Blocks: entered, passed over, or run by a clone.
#include "policy/recipe/limits.h"
#include "policy/recipe/machine.h"

namespace policy::recipe {

void Machine::close_block()
{
    if (blocks_.size() <= frames_.back().block_floor)
        return;
    previous_ = blocks_.back().previous;
    last_ = blocks_.back().last;
    blocks_.pop_back();
}

void Machine::enter_block()
{
    blocks_.push_back({previous_, last_});
    worked_ = true;
}

void Machine::skip_block(const Step& step)
{
    Frame& frame = frames_.back();
    const auto& steps = frame.plan->steps();
    for (std::size_t i = frame.at; i < step.after_block; ++i)
        read_past(steps[i]);
    frame.at = step.after_block;
}

bool Machine::is_too_long(const Step& assignment)
{
    const std::size_t used = assignment.assignment->name.size() + 1;
    if (assignment.is_plain)
        return used + assignment.plain.size() > line_limit_;
    return expand(*assignment.assignment->text, Words::first, {},
                  line_limit_ > used ? line_limit_ - used : 0)
        .overflow;
}

/// procmail sets $= for every recipe in a block that it skips, and complains
/// of what is too long there.
void Machine::read_past(const Step& step)
{
    if (step.kind == Step::Kind::assign && step.assignment->text &&
        is_too_long(step))
        overflow();
    if (step.kind != Step::Kind::recipe)
        return;
    score_ = 0;
    Head made;
    const Head& head = head_of(step.recipe->head, made, {});
    complain(head);
    for (const Condition& condition : step.recipe->conditions)
        if (condition.size >= line_limit_)
            overflow();
    complain_of_action(step, head);
    is_cut_short(step.recipe->action, false);
}

bool Machine::spawn_clone(const Step& step, const Flags& flags, bool waits)
{
    if (++budget_->clones > limits::clones) {
        error("Too many clones for one message");
        outcome_.ending = Ending::limit;
        return false;
    }
    Machine clone{*this};
    clone.outcome_ = Outcome{};
    clone.stop_ = nullptr;
    clone.global_lock_.clear();
    clone.process_ = ++budget_->processes;
    if (clone.spool_)
        clone.spool_->set_process(clone.process_);
    clone.enter_block();
    auto& born = outcome_.clones;
    const std::size_t place = born.size();
    born.emplace_back();
    Outcome finished = clone.finish();
    // Clones of the clone come behind it, as their process ids do.
    std::vector<Outcome> younger = std::move(finished.clones);
    finished.clones.clear();
    const int status = finished.status;
    born[place] = std::move(finished);
    for (Outcome& one : younger)
        born.push_back(std::move(one));
    worked_ = true;
    if (waits && status != 0) {
        const bool quiet = flags.wait_quiet || !flags.wait;
        error((quiet ? "nonzero " : "progfail ") + std::to_string(status) +
              ": procmail");
        worked_ = false;
        if (RecipeTrace* trace = tracing())
            trace->failed = true;
    }
    skip_block(step);
    return true;
}

}  // namespace policy::recipe
