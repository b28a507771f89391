#include "policy/config/values.h"

#include <algorithm>
#include <stdexcept>

namespace policy::config {

std::string generic_name(std::string_view name)
{
    std::string generic;
    bool index = false;
    for (const char c : name) {
        if (c == ']')
            index = false;
        if (!index)
            generic += c;
        if (c == '[')
            index = true;
    }
    return generic;
}

void Values::set(const std::string& name, Value value, int line)
{
    entries_.insert_or_assign(name, Entry{std::move(value), line});
}

bool Values::given(const std::string& name) const
{
    return entries_.contains(name);
}

std::string Values::place(const std::string& name) const
{
    const auto entry = entries_.find(name);
    if (entry == entries_.end())
        return place_of_member(name);
    return entry->second.line == 0
               ? "command line"
               : file_ + ":" + std::to_string(entry->second.line);
}

/// What a member of a sequence does not say is looked for where it begins.
std::string Values::place_of_member(const std::string& name) const
{
    const auto bracket = name.rfind(']');
    if (bracket == std::string::npos)
        return file_;
    const std::string member = name.substr(0, bracket + 1);
    int first = 0;
    for (auto it = entries_.lower_bound(member);
         it != entries_.end() && it->first.starts_with(member); ++it)
        if (first == 0 || it->second.line < first)
            first = it->second.line;
    return first == 0 ? file_ : file_ + ":" + std::to_string(first);
}

Value Values::value(const std::string& name) const
{
    const auto entry = entries_.find(name);
    if (entry != entries_.end())
        return entry->second.value;
    const Key* key = find_key(generic_name(name));
    if (!key)
        throw std::logic_error("no setting " + name);
    return default_of(*key);
}

void Values::wrong_type(const std::string& name)
{
    throw std::logic_error("setting " + name + " is of another type");
}

std::size_t Values::count(const std::string& sequence) const
{
    std::size_t n = 0;
    const auto begins = [&](const std::string& prefix) {
        const auto at = entries_.lower_bound(prefix);
        return at != entries_.end() && at->first.starts_with(prefix);
    };
    while (begins(sequence + "[" + std::to_string(n) + "]"))
        ++n;
    return n;
}

}  // namespace policy::config
