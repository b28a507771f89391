#include "policy/recipe/prefilter.h"

#include <algorithm>

namespace policy::recipe {

void Prefilter::add(std::size_t step, const std::vector<std::string>& strings)
{
    for (const std::string& text : strings)
        strings_.push_back({text, step});
}

std::string Prefilter::folded(std::string_view text)
{
    std::string out{text};
    for (char& c : out)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + ('a' - 'A'));
    return out;
}

void Prefilter::build()
{
    // Three bytes that few other strings have are looked at most rarely.
    std::unordered_map<std::uint32_t, std::size_t> counts;
    const auto bytes_of = [](const std::string& text) {
        return reinterpret_cast<const unsigned char*>(text.data());
    };
    for (const Entry& entry : strings_)
        for (std::size_t i = 0; i + least <= entry.text.size(); ++i)
            ++counts[gram(bytes_of(entry.text) + i)];
    for (std::size_t index = 0; index < strings_.size(); ++index) {
        Entry& entry = strings_[index];
        std::size_t best = counts[gram(bytes_of(entry.text))];
        for (std::size_t i = 1; i + least <= entry.text.size(); ++i) {
            const std::size_t count = counts[gram(bytes_of(entry.text) + i)];
            if (count < best) {
                best = count;
                entry.at = i;
            }
        }
        const std::uint32_t key = gram(bytes_of(entry.text) + entry.at);
        slots_.set(slot(key));
        grams_[key].push_back(static_cast<std::uint32_t>(index));
    }
}

}  // namespace policy::recipe
