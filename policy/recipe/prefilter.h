// Which of thousands of recipes can match a message at all: each condition
// that needs a certain string is looked for in one pass over the text.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace policy::recipe {

/// Strings of a part of the message, each with the step that needs it.
/// Immutable once built.
class Prefilter {
public:
    /// Least length of a string that is worth looking for.
    static constexpr std::size_t least = 3;

    /// `strings`: lower case, each of at least `least` bytes; the step can
    /// match only if one of them is there.
    void add(std::size_t step, const std::vector<std::string>& strings);
    void build();
    bool empty() const { return strings_.empty(); }

    /// Calls `found(step)` for each string in `text`; a step may come again.
    /// Case of ASCII letters does not matter.
    template <class Found>
    void scan(std::string_view text, Found found) const;

private:
    struct Entry {
        std::string text;
        std::size_t step;
        std::size_t at = 0;  ///< of its rarest three bytes
    };

    static std::uint32_t gram(const unsigned char* p)
    {
        return p[0] | (std::uint32_t{p[1]} << 8) | (std::uint32_t{p[2]} << 16);
    }
    static std::size_t slot(std::uint32_t gram)
    {
        return (gram * 0x9E3779B1U) >> 16;
    }
    static std::string folded(std::string_view text);

    std::vector<Entry> strings_;
    std::bitset<65536> slots_;
    std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> grams_;
};

template <class Found>
void Prefilter::scan(std::string_view text, Found found) const
{
    if (text.size() < least || strings_.empty())
        return;
    const std::string lower = folded(text);
    const auto* const bytes =
        reinterpret_cast<const unsigned char*>(lower.data());
    for (std::size_t i = 0; i + least <= lower.size(); ++i) {
        const std::uint32_t here = gram(bytes + i);
        if (!slots_[slot(here)])
            continue;
        const auto it = grams_.find(here);
        if (it == grams_.end())
            continue;
        for (const std::uint32_t index : it->second) {
            const Entry& entry = strings_[index];
            if (i >= entry.at &&
                lower.compare(i - entry.at, entry.text.size(), entry.text) == 0)
                found(entry.step);
        }
    }
}

}  // namespace policy::recipe
