// The maps and class files that a sendmail.cf opens.
#include "policy/sendmail/cf.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

/// Takes the first word off `text`.
std::string_view next_word(std::string_view& text)
{
    text = trimmed(text);
    const auto end = std::min(text.find_first_of(blanks), text.size());
    const auto word = text.substr(0, end);
    text = trimmed(text.substr(end));
    return word;
}

/// `-o -T<TMPF> /etc/mail/access`
void read_arguments(Map& map, std::string_view text)
{
    for (auto rest = trimmed(text); !rest.empty();) {
        const auto word = next_word(rest);
        if (word.front() != '-') {
            map.path = word;
            return;
        }
        map.flags.append(map.flags.empty() ? "" : " ").append(word);
        map.optional = map.optional || word == "-o";
    }
}

Map map_of(const Line& line)
{
    Map map;
    map.line = line.number;
    std::string_view rest{line.text};
    map.name = next_word(rest);
    map.kind = lower(next_word(rest));
    if (map.kind == "sequence")
        map.path = rest;
    else
        read_arguments(map, rest);
    return map;
}

/// `/etc/mail/aliases`, `hash:-o /etc/mail/aliases`
Map alias_map(int line, std::string_view text)
{
    Map map;
    map.line = line;
    map.name = "aliases";
    map.kind = "implicit";
    const auto colon = text.find(':');
    const auto slash = text.find('/');
    if (colon != text.npos && colon < slash) {
        map.kind = lower(text.substr(0, colon));
        text.remove_prefix(colon + 1);
    }
    read_arguments(map, text);
    return map;
}

/// `w/etc/mail/local-host-names`, `{x}-o /path %[^\#]`
std::optional<ClassFile> class_file(const Line& line)
{
    ClassFile file;
    file.line = line.number;
    const auto [name, value] = named(line.text);
    file.name = name;
    auto rest = trimmed(value);
    while (rest.starts_with('-'))
        file.optional = next_word(rest) == "-o" || file.optional;
    // `|program` and `key@map:spec` are no files.
    if (!rest.starts_with('/'))
        return std::nullopt;
    file.path = next_word(rest);
    file.format = rest;
    return file;
}

}  // namespace

std::vector<Map> Cf::maps() const
{
    std::vector<Map> all;
    for (const auto& line : lines_)
        if (line.kind == 'K')
            all.push_back(map_of(line));
    return all;
}

std::vector<Map> Cf::aliases() const
{
    std::vector<Map> all;
    for (const auto& option : options("AliasFile"))
        for (const auto& spec : split(option.value, ","))
            all.push_back(alias_map(option.line, spec));
    return all;
}

std::vector<ClassFile> Cf::class_files() const
{
    std::vector<ClassFile> all;
    for (const auto& line : lines_)
        if (line.kind == 'F')
            if (auto file = class_file(line))
                all.push_back(std::move(*file));
    return all;
}

}  // namespace policy::sendmail
