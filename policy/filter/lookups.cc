#include "policy/filter/lookups.h"

#include <algorithm>

#include "policy/address.h"
#include "policy/map/class_file.h"

namespace policy::filter {
namespace {

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return text;
}

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

}  // namespace

Lookups::Lookups(std::shared_ptr<map::Source> access,
                 std::vector<std::pair<std::string, std::string>> classes)
    : access_{std::move(access)}, classes_{classes.begin(), classes.end()}
{
}

std::vector<std::string> Lookups::keys_of(const std::string& asked)
{
    const std::string key = lower(asked);
    // IPv6 addresses have colons of their own.
    const bool is_address = ClientAddr::parse(key).has_value();
    const std::size_t colon = is_address ? key.npos : key.find(':');
    const std::string tag = colon == key.npos ? "" : key.substr(0, colon + 1);
    const std::string rest = key.substr(tag.size());
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

Result<std::optional<std::string>> Lookups::find(const std::string& map,
                                                 const std::string& key) const
{
    using Answer = std::optional<std::string>;
    if (map == "access") {
        if (!access_)
            return fail(Errc::usage, "There is no access map");
        const auto snapshot = access_->current();
        if (!snapshot)
            return fail(snapshot.error());
        for (const std::string& one : keys_of(key))
            if (const auto value = (*snapshot)->find(one))
                return Answer{*value};
        return Answer{};
    }
    const auto named = classes_.find(map);
    if (named == classes_.end())
        return fail(Errc::usage, "There is no map " + map);
    const auto words =
        map::read_class_file(named->second, map::ClassFormat::all_words, false);
    if (!words)
        return fail(words.error());
    for (const std::string& word : *words)
        if (lower(word) == lower(key))
            return Answer{word};
    return Answer{};
}

}  // namespace policy::filter
