// Brings the settings of one section together.
#include <algorithm>
#include <map>
#include <string_view>

#include "policy/config/keys_parts.h"

namespace policy::config {
namespace {

using Appearance = std::map<std::string_view, std::size_t>;

/// Calls `visit` with relay, relay.login and relay.login.listen.
void each_part(std::string_view name, const auto& visit)
{
    for (auto dot = name.find('.'); dot != name.npos;
         dot = name.find('.', dot + 1))
        visit(name.substr(0, dot));
    visit(name);
}

/// Where each part of the name first appears in the table.
std::vector<std::size_t> rank(const Appearance& first, std::string_view name)
{
    std::vector<std::size_t> out;
    each_part(name, [&](auto part) { out.push_back(first.at(part)); });
    return out;
}

}  // namespace

void group_by_section(std::vector<Key>& keys)
{
    Appearance first;
    for (std::size_t i = 0; i < keys.size(); ++i)
        each_part(keys[i].name, [&](auto part) { first.try_emplace(part, i); });
    std::stable_sort(keys.begin(), keys.end(),
                     [&](const Key& one, const Key& other) {
                         return rank(first, one.name) < rank(first, other.name);
                     });
}

}  // namespace policy::config
