#include "policy/recipe/machine.h"

#include <algorithm>
#include <bit>

#include "policy/recipe/limits.h"
#include "policy/recipe/parse.h"

namespace policy::recipe {
namespace {

constexpr int cannot_create = 73;  ///< sysexits(3) EX_CANTCREAT

}  // namespace

Machine::Machine(std::vector<Layer> layers,
                 std::shared_ptr<const Message> message, const RunSetup& setup,
                 World& world, Budget& budget)
    : setup_{&setup},
      world_{&world},
      budget_{&budget},
      message_{std::move(message)},
      spool_{setup.spool},
      line_limit_{limits::line_default}
{
    for (const auto& [name, value] : setup.presets)
        variables_.set(name, value);
    directory_ = variables_.value("MAILDIR");
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        frames_.push_back({std::move(layer->plan),
                           0,
                           0,
                           std::move(layer->path),
                           true,
                           layer->scope,
                           {}});
}

Outcome Machine::finish()
{
    outcome_.ending = Ending::fell_off;
    loop();
    int status = 0;
    if (outcome_.ending == Ending::fell_off) {
        deliver_by_default();
        if (outcome_.ending == Ending::fell_off && setup_->spool)
            status = cannot_create;
    }
    if (exit_code_set_ && variables_.get("EXITCODE")) {
        const long code = to_number(variables_.value("EXITCODE"), -2);
        if (code >= 0) {
            status = static_cast<int>(code);
            outcome_.exit_code = status;
        }
    } else if (setup_->trace) {
        set("EXITCODE", std::to_string(status));
    }
    // The log ends with the size of the last mail written.
    if (spool_ && !outcome_.deliveries.empty())
        outcome_.deliveries.back().size = last_size_;
    outcome_.status = status;
    outcome_.score = score_;
    for (const auto& [name, value] : variables_.all())
        outcome_.variables.emplace_back(name, value);
    outcome_.message = message_;
    return std::move(outcome_);
}

void Machine::loop()
{
    while (!frames_.empty()) {
        if (!setup_->trace)
            skip_hopeless();
        if (frames_.back().at >= frames_.back().plan->steps().size()) {
            leave_file();
            continue;
        }
        if (++budget_->steps > limits::steps_a_message) {
            error("Too many steps for one message");
            outcome_.ending = Ending::limit;
            return;
        }
        outcome_.last_rc = frames_.back().path;
        if (late()) {
            out_of_time();
            return;
        }
        if (step() == Go::stop || outcome_.ending == Ending::limit)
            return;
    }
}

void Machine::leave_file()
{
    blocks_.resize(frames_.back().block_floor);
    // What one layer's last recipe did is nothing to the next layer.
    if (frames_.back().main)
        previous_ = last_ = false;
    frames_.pop_back();
}

bool Machine::late()
{
    return setup_->late && setup_->late(scope());
}

Machine::Go Machine::out_of_time()
{
    error("Out of time: the recipes take too long for one message");
    outcome_.ending = Ending::limit;
    return Go::stop;
}

void Machine::effect(Effect effect)
{
    effect.scope = scope();
    if (!frames_.empty())
        effect.source = frames_.back().path + ":" +
                        effect.where.substr(effect.where.rfind(':') + 1);
    outcome_.effects.push_back(std::move(effect));
}

Machine::Go Machine::step()
{
    Frame& frame = frames_.back();
    const Step& step = frame.plan->steps()[frame.at++];
    switch (step.kind) {
        case Step::Kind::assign:
            return assign(step);
        case Step::Kind::close:
            close_block();
            return Go::on;
        case Step::Kind::recipe:
            break;
    }
    return recipe(step);
}

std::string Machine::where(std::size_t line) const
{
    const Frame& frame = frames_.back();
    return (frame.main ? "" : frame.plan->name() + ":") + std::to_string(line);
}

/// The first line of a recipe as it is now: with its variables, and to a
/// delivery agent without our own flags.  `made` keeps it if it is another.
const Head& Machine::head_of(const Head& head, Head& made, const Lookup& lookup)
{
    if (!head.variables && !(head.flags.decoded && spool_))
        return head;
    std::string words = head.text;
    if (head.variables) {
        const Expansion text =
            expand(head.text, Words::split, lookup, line_limit_);
        words.clear();
        for (const std::string& word : text.words())
            words += word + " ";
    }
    long number = -1;
    made = parse_head(words, number, !spool_, head.variables);
    made.rest.erase(made.rest.find_last_not_of(' ') + 1);
    made.text = std::move(words);
    return made;
}

Machine::Go Machine::recipe(const Step& step)
{
    const Recipe& recipe = *step.recipe;
    Head made;
    const Head& head = head_of(recipe.head, made, lookup());
    head_ = &head;
    const Flags flags = head.flags;
    if (setup_->trace) {
        RecipeTrace trace;
        trace.where = where(recipe.line);
        // As written: a variable's letters are its own.
        trace.flags = (recipe.head.variables ? recipe.head : head).letters;
        outcome_.trace.push_back(std::move(trace));
    }
    const bool also = flags.and_also || flags.and_if_done;
    const bool chained_else = flags.or_else;
    const bool suppressed = flags.on_error;
    complain(head);
    const bool ok = conditions(step, flags);
    complain_of_action(step, head);
    const bool cut_short = is_cut_short(recipe.action, ok);
    // A search that was given up has said nothing.
    if (late())
        return out_of_time();
    if (!(suppressed ? flags.and_also : also))
        last_ = ok;
    if (!previous_ || suppressed || !chained_else)
        previous_ = ok;
    if (recipe.action.kind == ActionKind::block && !ok) {
        skip_block(step);
        return Go::on;
    }
    return ok && !cut_short ? act(step, flags) : Go::on;
}

/// Steps over recipes that the prefilter ruled out.
void Machine::skip_hopeless()
{
    Frame& frame = frames_.back();
    const auto& steps = frame.plan->steps();
    if (frame.candidates.empty())
        find_candidates(frame);
    const std::size_t start = frame.at;
    std::size_t at = start;
    while (at < steps.size()) {
        std::uint64_t word = frame.candidates[at / 64] >> (at % 64);
        if (word == 0) {
            at = (at / 64 + 1) * 64;
            continue;
        }
        at += static_cast<std::size_t>(std::countr_zero(word));
        // A candidate in a block whose recipe was stepped over is none.
        std::size_t outer = at < steps.size() ? steps[at].head : no_head;
        std::size_t jump = at;
        while (outer != no_head && outer >= start) {
            jump = steps[outer].after_block;
            outer = steps[outer].head;
        }
        if (jump == at)
            break;
        at = jump;
    }
    at = std::min(at, steps.size());
    if (at == start)
        return;
    previous_ = last_ = false;
    score_ = 0;
    frame.at = at;
}

void Machine::find_candidates(Frame& frame)
{
    frame.candidates = frame.plan->always();
    if (frame.candidates.empty())
        frame.candidates.push_back(0);
    for (const Part part : {Part::head, Part::body, Part::both}) {
        const Prefilter& filter = frame.plan->prefilter(part);
        if (filter.empty())
            continue;
        filter.scan(message_->area(part).padded(), [&](std::size_t step) {
            frame.candidates[step / 64] |= std::uint64_t{1} << (step % 64);
        });
    }
}

Outcome run(std::shared_ptr<const Plan> plan,
            std::shared_ptr<const Message> message, const RunSetup& setup,
            World& world)
{
    std::vector<Layer> layers;
    layers.push_back({std::move(plan), setup.rc_path, Scope::site});
    return run(std::move(layers), std::move(message), setup, world);
}

Outcome run(std::vector<Layer> layers, std::shared_ptr<const Message> message,
            const RunSetup& setup, World& world)
{
    Budget budget;
    Machine machine{std::move(layers), std::move(message), setup, world,
                    budget};
    return machine.finish();
}

}  // namespace policy::recipe
