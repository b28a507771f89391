#include "policy/recipe/search.h"

#include <algorithm>
#include <limits>

namespace policy::recipe {
namespace {

using Op = Instruction::Op;

/// Threads followed before the clock is looked at again: about a millisecond.
constexpr std::size_t work_between_questions = 20'000;

/// The same in bytes, where each costs one look into a table.
constexpr std::size_t bytes_between_questions = std::size_t{1} << 18;

/// The mark of a thread that has not passed \/ yet.
constexpr Offset no_mark = std::numeric_limits<Offset>::max();

}  // namespace

Simulation::Simulation(const PatternProgram& program, const Stop* stop,
                       std::size_t states_after)
    : program_{program},
      stop_{stop},
      states_after_{states_after},
      best_(program.code.size()),
      seen_(program.code.size(), 0)
{
}

bool Simulation::given_up()
{
    const std::size_t more = waiting_.size() + waiting_plain_.size() + 1;
    work_ += more;
    all_work_ += more;
    if (!stop_ || work_ < work_between_questions)
        return false;
    work_ = 0;
    return (*stop_)();
}

/// While it searches for any match, or when all threads have the same mark.
bool Simulation::goes_fast() const
{
    if (all_work_ < states_after_)
        return false;
    if (!want_mark_)
        return !searching_ || searching_->pays();
    return has_mark_ && !threads_.empty() && threads_[0].mark == mark_ &&
           (!ending_ || ending_->pays());
}

void Simulation::take_back(const States& states, States::Id state,
                           unsigned char byte)
{
    threads_.clear();
    plain_.clear();
    for (const std::uint32_t at : states.behind(state, byte))
        if (want_mark_)
            threads_.push_back({at, mark_});
        else
            plain_.push_back(at);
}

std::size_t Simulation::run_fast(std::string_view area, std::size_t i)
{
    auto& made = want_mark_ ? ending_ : searching_;
    if (!made)
        made = std::make_unique<States>(program_, !want_mark_);
    States& states = *made;
    States::Places places = plain_;
    for (const Thread& thread : threads_)
        if (thread.mark == mark_ && want_mark_)
            places.push_back(thread.at);
    States::Id state = states.at(places, i);
    std::size_t question = i + bytes_between_questions;
    const auto byte = [&] { return static_cast<unsigned char>(area[i]); };
    for (;; ++i) {
        if (states.special(state)) {
            if (states.matched(state))
                end_ = static_cast<Offset>(i);
            done_ = want_mark_ ? states.dead(state) : states.matched(state);
            if (done_)
                return i;
        }
        if (i + 1 == area.size() || !states.pays() || i == question)
            break;
        state = states.next(state, byte(), i);
    }
    take_back(states, state, byte());
    work_ += i == question ? work_between_questions : 0;
    return i;
}

void Simulation::start()
{
    threads_.clear();
    plain_.clear();
    inject_ = true;
    done_ = has_mark_ = false;
    end_.reset();
}

void Simulation::push(std::uint32_t at, Offset mark)
{
    if (seen_[at] == step_ && best_[at] <= mark)
        return;
    seen_[at] = step_;
    best_[at] = mark;
    stack_.push_back(at);
}

void Simulation::matched(Offset mark, Offset position, Offset area_end)
{
    if (want_mark_ && mark <= area_end) {
        // The right side may still grow; nothing may begin later than this.
        has_mark_ = true;
        mark_ = mark;
        inject_ = false;
    } else {
        done_ = true;
    }
    end_ = position;
}

void Simulation::wait(std::uint32_t at, Offset mark)
{
    if (mark == no_mark)
        waiting_plain_.push_back(at);
    else
        waiting_.push_back({at, mark});
}

void Simulation::follow_thread(Thread thread, Offset position, Offset area_end)
{
    push(thread.at, thread.mark);
    while (!stack_.empty() && !done_) {
        const std::uint32_t at = stack_.back();
        stack_.pop_back();
        const Instruction& in = program_.code[at];
        switch (in.op) {
            case Op::bytes:
            case Op::begin:
                wait(at, thread.mark);
                break;
            case Op::split:
                push(in.b, thread.mark);
                push(in.a, thread.mark);
                break;
            case Op::jump:
                push(in.a, thread.mark);
                break;
            case Op::mark:
                if (want_mark_ && right_sides_ && position <= area_end)
                    take_right_side(position);
                else if (!want_mark_ || has_mark_ || thread.mark == position)
                    push(at + 1, thread.mark);
                else
                    at_mark_.push_back(at + 1);
                break;
            case Op::finish:
                if (position == area_end)
                    matched(thread.mark, position, area_end);
                else if (position < 0)
                    wait(at, thread.mark);  // as good as ^^ in front
                break;
            case Op::match:
                matched(thread.mark, position, area_end);
                break;
        }
    }
    stack_.clear();
}

void Simulation::follow(Offset position, Offset area_end)
{
    ++step_;
    waiting_.clear();
    waiting_plain_.clear();
    at_mark_.clear();
    for (const Thread& thread : threads_) {
        if (done_ || (has_mark_ && thread.mark > mark_))
            break;
        follow_thread(thread, position, area_end);
    }
    for (const std::uint32_t at : plain_) {
        if (done_ || has_mark_)
            break;
        follow_thread({at, no_mark}, position, area_end);
    }
    if (inject_ && !done_ && position < area_end)
        follow_thread({0, no_mark}, position, area_end);
    for (const std::uint32_t at : at_mark_) {
        if (done_ || (has_mark_ && position > mark_))
            break;
        follow_thread({at, position}, position, area_end);
    }
}

void Simulation::consume(unsigned char byte, Offset position)
{
    threads_.clear();
    plain_.clear();
    const auto takes = [&](std::uint32_t at) {
        const Instruction& in = program_.code[at];
        return in.op != Op::bytes ? position < 0 : program_.sets[in.a][byte];
    };
    for (const Thread& thread : waiting_)
        if ((!has_mark_ || thread.mark <= mark_) && takes(thread.at))
            threads_.push_back({thread.at + 1, thread.mark});
    if (has_mark_)
        return;
    for (const std::uint32_t at : waiting_plain_)
        if (best_[at] == no_mark && takes(at))
            plain_.push_back(at + 1);
}

bool Simulation::scan(std::string_view area, std::size_t from)
{
    start();
    if (program_.too_large)
        return false;
    const bool newline_first =
        from == 0 || area[from - 1] == '\n' || from == area.size();
    const bool shifted = newline_first && from > 0 && area[from - 1] != '\n';
    Offset position = static_cast<Offset>(from) - (shifted ? 0 : 1);
    const Offset area_end =
        static_cast<Offset>(area.size()) + (shifted ? 1 : 0);
    if (newline_first) {
        follow(position, area_end);
        if (done_)
            return true;
        consume('\n', position);
    }
    for (std::size_t i = from; i < area.size(); ++i) {
        if (idle()) {
            if (!inject_)
                return end_.has_value();
            if (!program_.eager)
                while (i < area.size() &&
                       !program_.first[static_cast<unsigned char>(area[i])])
                    ++i;
            if (i == area.size())
                break;
        }
        if (given_up())
            return false;
        if (goes_fast()) {
            i = run_fast(area, i);
            if (done_)
                return true;
            continue;
        }
        position = static_cast<Offset>(i);
        follow(position, area_end);
        if (done_)
            return true;
        consume(static_cast<unsigned char>(area[i]), position);
    }
    for (position = area_end; position <= area_end + 1 && !done_; ++position) {
        follow(position, area_end);
        consume('\n', position);
    }
    return end_.has_value();
}

std::optional<Offset> Simulation::first_end(std::string_view area,
                                            std::size_t from)
{
    want_mark_ = false;
    return scan(area, from) ? end_ : std::nullopt;
}

Found Simulation::with_mark(std::string_view area, std::size_t from,
                            std::optional<Offset>& end)
{
    want_mark_ = true;
    end.reset();
    if (!scan(area, from))
        return {};
    end = end_;
    if (!has_mark_)
        return {true, false, {}};
    const auto size = static_cast<Offset>(area.size());
    const Offset begin = std::max<Offset>(mark_, 0);
    end = std::min(*end_, size);
    std::string_view text;
    if (begin < *end)
        text = area.substr(static_cast<std::size_t>(begin),
                           static_cast<std::size_t>(*end - begin));
    return {true, true, text};
}

}  // namespace policy::recipe
