#include "policy/recipe/right_sides.h"

#include <algorithm>

#include "policy/recipe/limits.h"

namespace policy::recipe {
namespace {

using Op = Instruction::Op;
using Places = std::vector<std::uint32_t>;

/// Instructions reached from `start` before a byte is taken; not beyond \/.
Places closure(const PatternProgram& program, std::uint32_t start)
{
    std::vector<bool> seen(program.code.size());
    Places todo{start}, out;
    while (!todo.empty()) {
        const std::uint32_t at = todo.back();
        todo.pop_back();
        if (seen[at])
            continue;
        seen[at] = true;
        const Instruction& in = program.code[at];
        if (in.op == Op::split || in.op == Op::jump)
            todo.push_back(in.a);
        else
            out.push_back(at);
        if (in.op == Op::split)
            todo.push_back(in.b);
    }
    return out;
}

/// Whether `goal` can be reached from `start` without passing \/.
bool reaches(const PatternProgram& program, std::uint32_t start, Op goal)
{
    std::vector<bool> seen(program.code.size());
    Places todo{start};
    while (!todo.empty()) {
        const std::uint32_t from = todo.back();
        todo.pop_back();
        for (const std::uint32_t at : closure(program, from)) {
            if (program.code[at].op == goal)
                return true;
            if (seen[at] || program.code[at].op == Op::mark)
                continue;
            seen[at] = true;
            if (program.code[at].op != Op::match)
                todo.push_back(at + 1);
        }
    }
    return false;
}

std::uint32_t mark_of(const PatternProgram& program)
{
    std::uint32_t at = 0;
    while (program.code[at].op != Op::mark)
        ++at;
    return at;
}

/// The states of the right side: what can follow \/ or a byte behind it.
struct SideStates {
    struct Move {
        std::uint32_t to;  ///< number of a state, or `matched`
        const ByteSet* set;
    };
    static constexpr std::uint32_t matched = ~std::uint32_t{0};

    explicit SideStates(const PatternProgram& program)
    {
        std::vector<std::uint32_t> number(program.code.size(), matched);
        Places entries{mark_of(program) + 1};
        number[entries[0]] = 0;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            moves.emplace_back();
            for (const std::uint32_t at : closure(program, entries[i])) {
                const Instruction& in = program.code[at];
                if (in.op == Op::match)
                    moves[i].push_back({matched, nullptr});
                if (in.op != Op::bytes)
                    continue;
                if (number[at + 1] == matched) {
                    number[at + 1] = static_cast<std::uint32_t>(entries.size());
                    entries.push_back(at + 1);
                }
                moves[i].push_back({number[at + 1], &program.sets[in.a]});
            }
        }
    }

    std::vector<std::vector<Move>> moves;  ///< by state; 0: behind \/
};

}  // namespace

bool RightSides::fit(const PatternProgram& program, std::string_view area)
{
    const auto marks =
        std::count_if(program.code.begin(), program.code.end(),
                      [](const Instruction& in) { return in.op == Op::mark; });
    if (marks != 1 || program.too_large ||
        program.code.size() > limits::right_side_code ||
        area.size() > limits::right_side_area)
        return false;
    const bool anchored = std::any_of(
        program.code.begin(), program.code.end(), [](const Instruction& in) {
            return in.op == Op::begin || in.op == Op::finish;
        });
    return !anchored && !reaches(program, 0, Op::match) &&
           !reaches(program, mark_of(program) + 1, Op::mark);
}

RightSides::RightSides(const PatternProgram& program, std::string_view area,
                       const std::function<bool()>& stop)
    : ends_(area.size() + 3)
{
    constexpr std::size_t between_questions = std::size_t{1} << 16;
    const SideStates machine{program};
    const std::size_t states = machine.moves.size();
    // Behind the last newline nothing is taken any more.
    const std::size_t last = area.size() + 2;
    std::vector<std::uint32_t> now(states), next(states);
    for (std::size_t at = last + 1; at-- > 0;) {
        const bool newline = at == 0 || at + 1 >= last;
        const auto byte =
            static_cast<unsigned char>(newline ? '\n' : area[at - 1]);
        for (std::size_t state = 0; state < states; ++state) {
            std::uint32_t best = 0;
            for (const SideStates::Move& move : machine.moves[state])
                if (move.to == SideStates::matched)
                    best = std::max(best, static_cast<std::uint32_t>(at + 1));
                else if (at < last && (*move.set)[byte])
                    best = std::max(best, next[move.to]);
            now[state] = best;
        }
        ends_[at] = now[0];
        std::swap(now, next);
        if (stop && at % between_questions == 0 && stop())
            return;
    }
}

std::optional<std::ptrdiff_t> RightSides::longest(std::ptrdiff_t position) const
{
    const std::uint32_t end = ends_[static_cast<std::size_t>(position + 1)];
    if (end == 0)
        return std::nullopt;
    return static_cast<std::ptrdiff_t>(end) - 2;
}

}  // namespace policy::recipe
