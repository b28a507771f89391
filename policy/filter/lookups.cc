#include "policy/filter/lookups.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "policy/address.h"
#include "policy/map/class_file.h"
#include "policy/map/text.h"

namespace policy::filter {
namespace {

/// `key` and what is left of it piece by piece.
void shorten(std::vector<std::string>& keys, const std::string& tag,
             std::string key, bool at_end, char mark)
{
    while (!key.empty()) {
        keys.push_back(tag + key);
        const std::size_t place = at_end ? key.rfind(mark) : key.find(mark);
        if (place == key.npos)
            return;
        key = at_end ? key.substr(0, place) : key.substr(place + 1);
    }
}

/// Tag with its colon, or nothing, and the rest of a key.  IPv6 addresses have
/// colons of their own.
std::pair<std::string, std::string> cut(const std::string& key)
{
    const bool is_address = ClientAddr::parse(key).has_value();
    const std::size_t colon = is_address ? key.npos : key.find(':');
    const std::string tag = colon == key.npos ? "" : key.substr(0, colon + 1);
    return {tag, key.substr(tag.size())};
}

constexpr std::array<std::string_view, 5> of_mail{
    "", "connect:", "from:", "to:", "spam:"};

}  // namespace

Lookups::Lookups(std::shared_ptr<map::Source> access,
                 std::vector<std::pair<std::string, std::string>> classes)
    : access_{std::move(access)}, classes_{classes.begin(), classes.end()}
{
}

std::vector<std::string> Lookups::keys_of(const std::string& asked)
{
    const auto [tag, rest] = cut(map::folded(asked));
    std::vector<std::string> keys;
    const auto addr = ClientAddr::parse(rest);
    const std::size_t at = rest.rfind('@');
    if (addr && addr->kind() == ClientAddr::Kind::v4) {
        shorten(keys, tag, addr->text(), true, '.');
    } else if (addr) {
        shorten(keys, tag, addr->map_key(), true, ':');
        keys.pop_back();  // "ipv6" alone
    } else if (at != rest.npos) {
        keys.push_back(tag + rest);
        shorten(keys, tag, rest.substr(at + 1), false, '.');
        keys.push_back(tag + rest.substr(0, at + 1));
    } else {
        shorten(keys, tag, rest, false, '.');
    }
    return keys;
}

Result<std::optional<std::string>> Lookups::in_access(const std::string& key,
                                                      recipe::Scope scope) const
{
    const std::string tag = cut(map::folded(key)).first;
    if (tag == "authinfo:" ||
        (scope == recipe::Scope::user &&
         std::find(of_mail.begin(), of_mail.end(), tag) == of_mail.end()))
        return fail(Errc::usage, "Recipes may not ask for " + tag);
    if (!access_)
        return fail(Errc::usage, "There is no access map");
    const auto snapshot = access_->current();
    if (!snapshot)
        return fail(snapshot.error());
    for (const std::string& one : keys_of(key))
        if (const auto value = (*snapshot)->find(one))
            return std::optional{std::string{*value}};
    return std::nullopt;
}

Result<std::optional<std::string>> Lookups::in_class(
    const std::string& name, const std::string& key) const
{
    const auto named = classes_.find(name);
    if (named == classes_.end())
        return fail(Errc::usage, "There is no map " + name);
    const auto words =
        map::read_class_file(named->second, map::ClassFormat::all_words, false);
    if (!words)
        return fail(words.error());
    for (const std::string& word : *words)
        if (map::folded(word) == map::folded(key))
            return std::optional{word};
    return std::nullopt;
}

Result<std::optional<std::string>> Lookups::find(const std::string& map,
                                                 const std::string& key,
                                                 recipe::Scope scope) const
{
    return map == "access" ? in_access(key, scope) : in_class(map, key);
}

}  // namespace policy::filter
