#include "policy/sendmail/lookups.h"

#include <cstdlib>

#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

using Answer = Result<std::optional<std::string>>;
using Arguments = std::vector<std::string>;

bool is_file(const Map& map)
{
    for (const char* kind : {"hash", "btree", "cdb", "dbm", "implicit"})
        if (map.kind == kind)
            return true;
    return false;
}

bool is_set(const Map& map, char flag)
{
    for (const auto& word : split(map.flags, " "))
        if (word.size() > 1 && word[1] == flag)
            return true;
    return false;
}

/// What follows a flag: `<TMPF>` of `-T<TMPF>`.
std::string value_of(const Map& map, char flag)
{
    for (const auto& word : split(map.flags, " "))
        if (word.size() > 1 && word[1] == flag)
            return word.substr(2);
    return {};
}

/// A value as the flags -m, -a and the arguments make it.
std::string shaped(const Map& map, std::string_view value,
                   const Arguments& arguments)
{
    const auto& key = arguments.front();
    return (is_set(map, 'm') ? key : filled(value, arguments)) +
           value_of(map, 'a');
}

Arguments with_key(const std::string& key, const Arguments& arguments)
{
    Arguments all{key};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

std::size_t column_of(const Map& map, char flag, std::size_t otherwise)
{
    const auto given = value_of(map, flag);
    return given.empty() ? otherwise : std::strtoul(given.c_str(), nullptr, 10);
}

}  // namespace

Lookups::Lookups(const Cf& cf, LookupWorld world,
                 std::function<void(const Found&)> seen)
    : world_{std::move(world)}, seen_{std::move(seen)}
{
    for (auto& map : cf.maps()) {
        const auto name = map.name;
        maps_.insert_or_assign(lower(name), std::move(map));
    }
    // This one needs no K line.
    Map host;
    host.name = host.kind = "host";
    host.flags = "-a.";
    maps_.try_emplace("host", std::move(host));
}

Answer Lookups::ask(std::string_view name, const std::string& key,
                    const Arguments& arguments) const
{
    const auto found = maps_.find(lower(name));
    if (found == maps_.end())
        return fail(Errc::format, "no map is called " + std::string{name});
    return ask(found->second, key, arguments);
}

Answer Lookups::ask(const Map& map, const std::string& key,
                    const Arguments& arguments) const
{
    if (map.kind == "dequote")
        return dequoted(key, value_of(map, 's').c_str()[0]);
    const auto plain = is_set(map, 'q') ? key : without_quotes(key);
    if (is_file(map))
        return file(map, plain, arguments);
    if (map.kind == "text")
        return text(map, plain, arguments);
    if (map.kind == "host")
        return host(map, plain);
    if (map.kind == "user")
        return user(map, plain);
    if (map.kind == "arith")
        return computed(plain, arguments);
    if (map.kind == "null")
        return std::nullopt;
    if (map.kind == "sequence")
        return sequence(map, plain, arguments);
    return fail(Errc::format,
                "map " + map.name + ": kind " + map.kind + " is not followed");
}

char Lookups::blank_of(std::string_view name, char otherwise) const
{
    const auto found = maps_.find(lower(name));
    if (found == maps_.end())
        return otherwise;
    const auto given = value_of(found->second, 'S');
    return given.empty() ? otherwise : given.front();
}

Answer Lookups::file(const Map& map, const std::string& key,
                     const Arguments& arguments) const
{
    auto snapshot = world_.open(map.path, map.optional)->current();
    if (!snapshot)
        return fail(snapshot.error());
    const auto folded = is_set(map, 'f') ? key : lower(key);
    const auto found = (*snapshot)->find(folded);
    if (!found)
        return std::nullopt;
    auto value = shaped(map, *found, with_key(key, arguments));
    seen_({map, folded, value});
    return value;
}

Answer Lookups::text(const Map& map, const std::string& key,
                     const Arguments& arguments) const
{
    const auto read = world_.text(map.path);
    if (!read && read.error().code == Errc::gone && map.optional)
        return std::nullopt;
    if (!read)
        return fail(read.error());
    const auto found =
        in_columns(*read, key, column_of(map, 'k', 0), column_of(map, 'v', 0),
                   value_of(map, 'z').c_str()[0]);
    if (!found)
        return std::nullopt;
    auto value = shaped(map, *found, with_key(key, arguments));
    seen_({map, key, value});
    return value;
}

Answer Lookups::sequence(const Map& map, const std::string& key,
                         const Arguments& arguments) const
{
    Answer answer = std::optional<std::string>{};
    for (const auto& name : split(map.path, blanks)) {
        const auto member = maps_.find(lower(name));
        if (member == maps_.end() || member->second.kind == "sequence")
            return fail(Errc::format,
                        "map " + map.name + ": " + name + " is not followed");
        if (answer = ask(member->second, key, arguments); !answer || *answer)
            break;
    }
    return answer;
}

std::optional<std::string> Lookups::user(const Map& map,
                                         const std::string& key) const
{
    const auto account = world_.account(key);
    if (!account)
        return std::nullopt;
    const auto column = lower(value_of(map, 'v'));
    return shaped(map,
                  column == "dir"   ? account->home
                  : column == "uid" ? std::to_string(account->uid)
                                    : account->name,
                  {key});
}

std::optional<std::string> Lookups::host(const Map& map,
                                         const std::string& key) const
{
    auto name = key;
    if (name.ends_with('.'))
        name.pop_back();
    if (name.empty() || !world_.canonical)
        return std::nullopt;
    const auto found = world_.canonical(name);
    if (!found)
        return std::nullopt;
    return (is_set(map, 'm') ? name : *found) + value_of(map, 'a');
}

std::string filled(std::string_view value, const Arguments& arguments)
{
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '%' || i + 1 == value.size()) {
            out += value[i] == '%' ? "" : std::string(1, value[i]);
            continue;
        }
        const char next = value[++i];
        const auto n = static_cast<std::size_t>(next - '0');
        if (next == '%')
            out += '%';
        else if (next < '0' || next > '9')
            (out += '%') += next;
        else if (n < arguments.size())
            out += arguments[n];
    }
    return out;
}

}  // namespace policy::sendmail
