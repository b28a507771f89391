#include "policy/recipe/states.h"

#include <algorithm>

#include "policy/recipe/limits.h"

namespace policy::recipe {
namespace {

using Op = Instruction::Op;

/// Bytes of text that a state must serve on average.
constexpr std::size_t worth = 10;

}  // namespace

States::States(const PatternProgram& program, bool searches)
    : program_{program}, searches_{searches}, seen_(program.code.size(), 0)
{
    find_classes();
}

/// Bytes that no instruction tells apart are one class.
void States::find_classes()
{
    for (const ByteSet& set : program_.sets) {
        constexpr std::size_t none = 256;
        std::array<std::array<std::size_t, 2>, 256> split;
        split.fill({none, none});
        std::size_t count = 0;
        std::array<std::uint8_t, 256> refined{};
        for (std::size_t byte = 0; byte < 256; ++byte) {
            std::size_t& place = split[class_[byte]][set[byte] ? 1 : 0];
            if (place == none)
                place = count++;
            refined[byte] = static_cast<std::uint8_t>(place);
        }
        class_ = refined;
        classes_ = count;
        if (count == class_.size())
            return;
    }
}

/// Follows instructions that take no byte; true if one says it matched.
bool States::follow(const Places& places, Places& waiting)
{
    ++walk_;
    bool matched = false;
    const auto push = [this](std::uint32_t at) {
        if (seen_[at] != walk_) {
            seen_[at] = walk_;
            stack_.push_back(at);
        }
    };
    for (const std::uint32_t at : places)
        push(at);
    if (searches_)
        push(0);
    while (!stack_.empty()) {
        const std::uint32_t at = stack_.back();
        stack_.pop_back();
        const Instruction& in = program_.code[at];
        switch (in.op) {
            case Op::bytes:
                waiting.push_back(at);
                break;
            case Op::split:
                push(in.b);
                push(in.a);
                break;
            case Op::jump:
                push(in.a);
                break;
            case Op::mark:
                push(at + 1);
                break;
            case Op::begin:
            case Op::finish:
                break;  // only at the ends of the area
            case Op::match:
                matched = true;
                break;
        }
    }
    std::sort(waiting.begin(), waiting.end());
    return matched;
}

void States::forget(std::size_t position)
{
    const std::size_t made = flags_.size();
    // A search that begins anew says nothing of the last one.
    if (position >= forgot_at_ && position - forgot_at_ < made * worth)
        pays_ = false;
    forgot_at_ = position;
    next_.clear();
    flags_.clear();
    waiting_.clear();
    known_.clear();
    bytes_ = 0;
}

States::Id States::intern(Places waiting, bool matched, std::size_t position)
{
    std::string key(reinterpret_cast<const char*>(waiting.data()),
                    waiting.size() * sizeof waiting[0]);
    key += matched ? 'm' : '-';
    const auto found = known_.find(key);
    if (found != known_.end())
        return found->second;
    const std::size_t size = 2 * key.size() + classes_ * sizeof(Id) + 128;
    if (bytes_ + size > limits::state_bytes && !flags_.empty())
        forget(position);
    const Id id = static_cast<Id>(flags_.size());
    bytes_ += size;
    next_.resize(next_.size() + classes_, unknown);
    flags_.push_back(static_cast<std::uint8_t>(
        (matched ? has_matched : 0) | (waiting.empty() ? is_dead : 0)));
    waiting_.push_back(std::move(waiting));
    known_.emplace(std::move(key), id);
    return id;
}

States::Id States::at(const Places& places, std::size_t position)
{
    Places waiting;
    const bool matched = follow(places, waiting);
    return intern(std::move(waiting), matched, position);
}

States::Places States::behind(Id state, unsigned char byte) const
{
    Places places;
    for (const std::uint32_t at : waiting_[state])
        if (program_.sets[program_.code[at].a][byte])
            places.push_back(at + 1);
    return places;
}

States::Id States::make(Id from, unsigned char byte, std::size_t position)
{
    const std::size_t before = flags_.size();
    const Id made = at(behind(from, byte), position);
    // Unless everything was forgotten for its sake.
    if (flags_.size() >= before)
        next_[from * classes_ + class_[byte]] = made;
    return made;
}

}  // namespace policy::recipe
