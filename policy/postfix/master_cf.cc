#include "policy/postfix/lines.h"
#include "policy/postfix/main_cf.h"
#include "policy/sendmail/words.h"
#include "policy/text_file.h"

namespace policy::postfix {
namespace {

using sendmail::trimmed;

/// `-o name=value`, `-o {name = value}`, `-oname=value`.
std::map<std::string, Setting> overrides_of(
    const std::vector<std::string>& words, const std::string& path, int line)
{
    std::map<std::string, Setting> all;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!words[i].starts_with("-o"))
            continue;
        const bool apart = words[i].size() == 2;
        if (apart && ++i == words.size())
            break;
        const auto [name, value] =
            parted(apart ? words[i] : words[i].substr(2));
        all[name] = {path, line, value};
    }
    return all;
}

/// Words divided by blanks: commas belong to values here.
std::vector<std::string> blank_words(std::string_view text)
{
    std::vector<std::string> all;
    while (!(text = trimmed(text)).empty()) {
        const auto close = text.front() == '{' ? closing(text) : text.npos;
        const auto end = close != text.npos
                             ? close + 1
                             : std::min(text.find_first_of(" \t"), text.size());
        all.emplace_back(close != text.npos ? trimmed(text.substr(1, close - 1))
                                            : text.substr(0, end));
        text.remove_prefix(end);
    }
    return all;
}

}  // namespace

std::vector<Service> parse_services(std::string_view text,
                                    const std::string& path)
{
    constexpr std::size_t fields = 8;
    std::vector<Service> all;
    for (const auto& line : logical_lines(text)) {
        const auto words = blank_words(line.text);
        if (words.size() < fields)
            continue;
        Service one;
        one.line = line.number;
        one.name = words[0];
        one.type = words[1];
        one.chroot = words[4].front();
        one.command = words[7];
        one.overrides = overrides_of({words.begin() + fields, words.end()},
                                     path, line.number);
        all.push_back(std::move(one));
    }
    return all;
}

Result<std::vector<Service>> read_services(const std::string& path)
{
    const auto text = text_of_file(path);
    if (!text)
        return fail(text.error());
    return parse_services(*text, path);
}

}  // namespace policy::postfix
