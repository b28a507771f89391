#include "policy/recipe/variables.h"

#include <cstdlib>

#include "policy/recipe/limits.h"

namespace policy::recipe {

std::optional<std::string_view> Variables::get(std::string_view name) const
{
    const auto it = values_.find(name);
    if (it == values_.end())
        return std::nullopt;
    return it->second;
}

bool Variables::set(std::string_view name, std::string_view value)
{
    const auto it = values_.find(name);
    const bool known = it != values_.end();
    const std::size_t old = known ? it->second.size() : 0;
    const std::size_t after =
        bytes_ - old + value.size() + (known ? 0 : name.size());
    if (after > limits::variable_bytes ||
        (!known && values_.size() >= limits::variables))
        return false;
    bytes_ = after;
    if (known)
        it->second = value;
    else
        values_.emplace(name, value);
    return true;
}

void Variables::unset(std::string_view name)
{
    const auto it = values_.find(name);
    if (it == values_.end())
        return;
    bytes_ -= it->first.size() + it->second.size();
    values_.erase(it);
}

long to_number(std::string_view text, long otherwise)
{
    const std::string copy{text};
    char* end = nullptr;
    const long number = std::strtol(copy.c_str(), &end, 10);
    if (end != copy.c_str())
        return number;
    const std::size_t at = copy.find_first_not_of(" \t\n\v\f\r");
    if (at == copy.npos)
        return otherwise;
    const auto letter = [&](std::size_t i) {
        return i < copy.size() ? static_cast<char>(copy[i] | 0x20) : '\0';
    };
    switch (letter(at)) {
        case 'o':
            if (letter(at + 1) == 'n')
                return 1;
            return letter(at + 1) == 'f' && letter(at + 2) == 'f' ? 0
                                                                  : otherwise;
        case 'y':
        case 't':
        case 'e':
            return 1;
        case 'n':
        case 'f':
        case 'd':
            return 0;
        case 'a':
            return 2;
        default:
            return otherwise;
    }
}

}  // namespace policy::recipe
