#include "policy/recipe/formail.h"

#include <algorithm>

#include "policy/recipe/expand.h"
#include "policy/recipe/field.h"

namespace policy::recipe {
namespace {

constexpr std::string_view shell_marks = "&|<>~;?*[";

tl::unexpected<Error> not_built_in(const std::string& what)
{
    return fail(Errc::denied, what);
}

/// The list that an option with one argument fills, nullptr for others.
std::vector<std::string>* list_of(Formail& call, char option)
{
    switch (option) {
        case 'A':
            return &call.add;
        case 'a':
            return &call.add_if_absent;
        case 'I':
            return &call.replace;
        case 'i':
            return &call.replace_keep;
        case 'u':
            return &call.first_only;
        case 'U':
            return &call.last_only;
        case 'x':
            return &call.extract;
        case 'X':
            return &call.extract_whole;
        default:
            return nullptr;
    }
}

/// Whether formail takes it as a field: -a and -A need a whole name.
bool is_field(const std::string& value, bool whole)
{
    return name_end_of(value) > 0 || (!whole && value.find(':') == value.npos);
}

tl::unexpected<Error> invalid_name(const std::string& value)
{
    return not_built_in("formail: Invalid field-name: \"" + value + "\"");
}

/// Reads one word of options; `next` steps to its argument.
template <class Next>
Status read_options(Formail& call, const std::string& word, Next next)
{
    for (std::size_t i = 1; i < word.size(); ++i) {
        const char option = word[i];
        if (option == 'D') {
            const std::string* const bytes =
                i + 1 < word.size() ? &word : next();
            const std::string* const cache = bytes ? next() : nullptr;
            if (!cache || cache->empty())
                return not_built_in("formail -D needs a length and a file");
            call.duplicates = *cache;
            return {};
        }
        if (option == 'c') {
            call.join = true;
        } else if (option == 'z') {
            call.zap = true;
        } else if (option == 'R' || list_of(call, option)) {
            const std::string* const argument =
                i + 1 < word.size() ? nullptr : next();
            if (i + 1 == word.size() && !argument)
                return not_built_in("formail lacks an argument");
            const std::string value = argument ? *argument : word.substr(i + 1);
            if (!is_field(value, option == 'a' || option == 'A'))
                return invalid_name(value);
            if (option != 'R') {
                list_of(call, option)->push_back(value);
                return {};
            }
            const std::string* const to = next();
            if (!to)
                return not_built_in("formail -R needs two names");
            if (!is_field(*to, value.find(':') != value.npos))
                return invalid_name(*to);
            call.rename.push_back({value, *to});
            return {};
        } else if (option == 'q' && i + 1 < word.size() && word[i + 1] == '-') {
            ++i;
        } else if (std::string_view{"fbqYt"}.find(option) ==
                   std::string_view::npos) {
            return not_built_in(std::string{"formail -"} + option +
                                " is not built in");
        }
    }
    return {};
}

}  // namespace

Result<Formail> parse_formail(const std::vector<std::string>& words)
{
    const std::string program = words[0].substr(words[0].rfind('/') + 1);
    if (program != "formail")
        return not_built_in("Programs are not run: " + words[0]);
    Formail call;
    std::size_t at = 1;
    const auto next = [&]() -> const std::string* {
        return at < words.size() ? &words[at++] : nullptr;
    };
    while (at < words.size()) {
        const std::string& word = words[at++];
        if (word.size() < 2 || word[0] != '-')
            return not_built_in("formail with files is not built in");
        if (const Status read = read_options(call, word, next); !read)
            return fail(read.error());
    }
    return call;
}

namespace {

/// The program of a line, "" where variables or quotes make it up.
std::string_view plain_program(std::string_view line)
{
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(" \t\n"));
    return word.find_first_of("$\"'\\`") == word.npos ? word
                                                      : std::string_view{};
}

}  // namespace

bool only_writes(std::string_view line)
{
    const std::string_view program = plain_program(line);
    if (program.substr(program.rfind('/') + 1) != "formail")
        return false;
    const auto call =
        parse_formail(expand(line, Words::split, {}, line.size()).words());
    return call && call->duplicates.empty();
}

std::string message_id(std::string_view mail)
{
    Formail call;
    call.extract = {"Message-ID:"};
    call.zap = true;
    std::string id = run_formail(call, mail);
    return id.substr(0, id.find('\n'));
}

std::string refuse_command(std::string_view line,
                           const std::vector<std::string>& programs)
{
    const std::size_t mark = line.find_first_of(shell_marks);
    const std::string shown{line};
    if (mark != line.npos)
        return std::string{"No shell is started for "} + line[mark] + ": " +
               shown;
    const std::string program{plain_program(line)};
    if (std::find(programs.begin(), programs.end(), program) != programs.end())
        return "";
    const Expansion text = expand(line, Words::split, {}, line.size());
    if (text.first().empty())
        return "A pipe without a program has no meaning here";
    const auto call = parse_formail(text.words());
    return call ? "" : call.error().text + ": " + shown;
}

}  // namespace policy::recipe
