// The simulation's sets of threads as states of an automaton, made when a text
// first leads to them: a byte then costs one look into a table.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/recipe/pattern.h"

namespace policy::recipe {

/// For positions inside of an area, where neither the virtual newlines nor ^^
/// count, and for threads whose marks do not differ.  What it knows it forgets
/// when it has limits::state_bytes.  Belongs to one simulation.
class States {
public:
    using Id = std::uint32_t;
    /// Indices of instructions.
    using Places = std::vector<std::uint32_t>;

    /// @param program   outlives it
    /// @param searches  a match may begin at each byte; false: only threads
    ///                  that there are go on
    States(const PatternProgram& program, bool searches);

    /// The state of threads that go on at these places.
    Id at(const Places& places, std::size_t position);
    /// The state behind a byte.  Other ids are void when this forgets.
    Id next(Id from, unsigned char byte, std::size_t position)
    {
        const Id known = next_[from * classes_ + class_[byte]];
        return known != unknown ? known : make(from, byte, position);
    }

    bool matched(Id state) const { return (flags_[state] & has_matched) != 0; }
    bool dead(Id state) const { return (flags_[state] & is_dead) != 0; }
    /// matched() or dead().
    bool special(Id state) const { return flags_[state] != 0; }
    /// Instructions that wait for a byte.
    const Places& waiting(Id state) const { return waiting_[state]; }
    /// Places behind those that take this byte.
    Places behind(Id state, unsigned char byte) const;

    /// False once states are made so often that simulating costs less.
    bool pays() const { return pays_; }
    /// Memory that the states have.
    std::size_t bytes() const { return bytes_; }

private:
    static constexpr Id unknown = ~Id{0};
    static constexpr std::uint8_t has_matched = 1, is_dead = 2;

    void find_classes();
    Id make(Id from, unsigned char byte, std::size_t position);
    Id intern(Places waiting, bool matched, std::size_t position);
    bool follow(const Places& places, Places& waiting);
    void forget(std::size_t position);

    const PatternProgram& program_;
    const bool searches_;
    std::array<std::uint8_t, 256> class_{};  ///< of bytes that are alike
    std::size_t classes_ = 1;
    std::vector<Id> next_;  ///< by state and class
    std::vector<std::uint8_t> flags_;
    std::vector<Places> waiting_;
    std::unordered_map<std::string, Id> known_;
    std::vector<std::uint32_t> seen_;  ///< the walk in which it was seen
    std::uint32_t walk_ = 0;
    Places stack_;
    std::size_t bytes_ = 0;
    std::size_t forgot_at_ = 0;
    bool pays_ = true;
};

}  // namespace policy::recipe
