// Finds a pattern in an area of a message: match or no match, where the
// earliest match ends, and what stands behind \/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/recipe/pattern.h"
#include "policy/recipe/right_sides.h"
#include "policy/recipe/states.h"

namespace policy::recipe {

/// Outcome of a search with \/.
struct Found {
    bool match = false;
    bool marked = false;      ///< `text` is the new MATCH
    std::string_view text{};  ///< part of the area
};

/// A place where a repeated search ends; may be -1: the newline before it all.
using Offset = std::ptrdiff_t;

/// Whether a search is to be given up; asked now and then.
using Stop = std::function<bool()>;

/// Runs a program over an area.  Linear in area times program size; no
/// backtracking.  Where it gets much to do, it makes states of its threads.
/// Not shared between threads; cheap to make again.
class Simulation {
public:
    /// Threads followed before states are made; never: not at all.
    static constexpr std::size_t usual_work = 4096;
    static constexpr std::size_t never = static_cast<std::size_t>(-1);

    /// @param stop  outlives it; null: never.  A search that was given up has
    ///              found nothing, so the caller must ask again why.
    /// @param states_after  see usual_work
    explicit Simulation(const PatternProgram& program,
                        const Stop* stop = nullptr,
                        std::size_t states_after = usual_work);

    /// Where the match that ends first, at or after `from`, ends.  A newline
    /// before `from` counts as the start of a line.
    std::optional<Offset> first_end(std::string_view area, std::size_t from);

    /// Match of the whole area, with the text behind \/: the left side as
    /// short as possible, then the right side as long as possible.
    /// `from` and `end` as in first_end().
    Found with_mark(std::string_view area, std::size_t from,
                    std::optional<Offset>& end);

    /// Lets further searches of `area` take these, which outlive them.
    void use(const RightSides* sides) { right_sides_ = sides; }

private:
    struct Thread {
        std::uint32_t at;
        Offset mark;
    };

    bool scan(std::string_view area, std::size_t from);
    void start();
    /// Follows all threads to the bytes they wait for; at `position`.
    void follow(Offset position, Offset area_end);
    void follow_thread(Thread thread, Offset position, Offset area_end);
    void push(std::uint32_t at, Offset mark);
    void wait(std::uint32_t at, Offset mark);
    void matched(Offset mark, Offset position, Offset area_end);
    void consume(unsigned char byte, Offset position);
    bool idle() const { return threads_.empty() && plain_.empty(); }

    bool given_up();
    bool goes_fast() const;
    /// Runs on from `i` by states, up to the last byte at most; -> where the
    /// threads are now.
    std::size_t run_fast(std::string_view area, std::size_t i);
    void take_back(const States& states, States::Id state, unsigned char byte);

    /// A thread is at \/, and what comes behind it is known.
    void take_right_side(Offset position)
    {
        end_ = right_sides_->longest(position);
        has_mark_ = done_ = end_.has_value();
        mark_ = position;
    }

    const PatternProgram& program_;
    const Stop* stop_;
    const RightSides* right_sides_ = nullptr;
    std::size_t work_ = 0;  ///< since `stop_` was asked
    std::size_t all_work_ = 0;
    const std::size_t states_after_;
    std::unique_ptr<States> searching_, ending_;
    std::vector<Thread> threads_;       ///< with a mark, in its order
    std::vector<std::uint32_t> plain_;  ///< without a mark
    std::vector<Thread> waiting_;       ///< at an instruction that consumes
    std::vector<std::uint32_t> waiting_plain_;
    std::vector<std::uint32_t> at_mark_;  ///< passing \/ just now
    std::vector<std::uint32_t> stack_;
    std::vector<Offset> best_;         ///< least mark seen, by instruction
    std::vector<std::uint64_t> seen_;  ///< the step in which it was seen
    std::uint64_t step_ = 0;
    bool want_mark_ = false;
    bool inject_ = true;
    bool done_ = false;
    bool has_mark_ = false;
    Offset mark_ = 0;
    std::optional<Offset> end_;
};

}  // namespace policy::recipe
