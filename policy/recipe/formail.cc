#include "policy/recipe/formail.h"

#include <strings.h>

#include <algorithm>

#include "policy/recipe/expand.h"

namespace policy::recipe {
namespace {

constexpr std::string_view shell_marks = "&|<>~;?*[";

/// A field with its continuation lines and newlines.
struct Field {
    std::string text;
    std::size_t name_end = 0;  ///< behind the colon; 0: not a field (From_)
};

bool same_start(std::string_view text, std::string_view start)
{
    return text.size() >= start.size() &&
           strncasecmp(text.data(), start.data(), start.size()) == 0;
}

/// `name` of an option: up to and with its colon, or a mere beginning.
std::string_view option_name(std::string_view option)
{
    const std::size_t colon = option.find(':');
    return colon == option.npos ? option : option.substr(0, colon + 1);
}

bool matches(const Field& field, std::string_view option)
{
    return field.name_end > 0 &&
           same_start(std::string_view{field.text}.substr(0, field.name_end),
                      option_name(option));
}

std::size_t name_end_of(std::string_view line)
{
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ':')
            return i + 1;
        if (line[i] <= ' ' || line[i] == 0x7f)
            return 0;
    }
    return 0;
}

/// Splits a header; `rest` gets the empty line and the body.
std::vector<Field> split(std::string_view mail, std::string_view& rest)
{
    std::vector<Field> fields;
    rest = mail;
    while (!rest.empty() && rest[0] != '\n') {
        const std::size_t newline = std::min(rest.find('\n'), rest.size() - 1);
        const std::string_view line = rest.substr(0, newline + 1);
        const bool folded = line[0] == ' ' || line[0] == '\t';
        const std::size_t name_end = name_end_of(line);
        const bool from = fields.empty() && line.substr(0, 5) == "From ";
        if (folded && !fields.empty())
            fields.back().text += line;
        else if (name_end > 0 || from)
            fields.push_back({std::string{line}, name_end});
        else
            break;  // not a header any more
        rest.remove_prefix(newline + 1);
    }
    return fields;
}

std::string contents(const Field& field, const Formail& call)
{
    std::string text = field.text.substr(field.name_end);
    if (!call.zap)
        return text;
    if (text == "\n")
        return "";
    text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
    const bool newline = text.ends_with("\n");
    if (newline)
        text.pop_back();
    text.erase(text.find_last_not_of(" \t") + 1);
    return newline ? text + "\n" : text;
}

bool has_value(const std::string& option)
{
    const std::size_t colon = option.find(':');
    return colon != option.npos && colon + 1 < option.size();
}

void keep_one(std::vector<Field>& fields, const std::string& name, bool last)
{
    std::vector<Field> left;
    bool seen = false;
    if (last)
        std::reverse(fields.begin(), fields.end());
    for (Field& field : fields) {
        const bool match = matches(field, name);
        if (!match || !seen)
            left.push_back(std::move(field));
        seen = seen || match;
    }
    if (last)
        std::reverse(left.begin(), left.end());
    fields = std::move(left);
}

void append(std::vector<Field>& fields, const std::string& option)
{
    if (has_value(option))
        fields.push_back({option + "\n", name_end_of(option)});
}

void edit(std::vector<Field>& fields, const Formail& call)
{
    const auto absent = [&](const std::string& option) {
        return std::none_of(
            fields.begin(), fields.end(),
            [&](const Field& field) { return matches(field, option); });
    };
    std::vector<std::string> added;
    for (const std::string& option : call.add_if_absent)
        if (absent(option))
            added.push_back(option);
    added.insert(added.end(), call.add.begin(), call.add.end());
    for (const std::string& option : call.replace_keep)
        for (Field& field : fields)
            if (matches(field, option)) {
                field.text = "Old-" + field.text;
                field.name_end += 4;
            }
    for (const std::string& option : call.replace)
        std::erase_if(
            fields, [&](const Field& field) { return matches(field, option); });
    for (const auto& [from, to] : call.rename)
        for (Field& field : fields)
            if (matches(field, from)) {
                const std::string name{option_name(to)};
                field.text = name + (name.ends_with(":") ? "" : ":") +
                             field.text.substr(field.name_end);
                field.name_end = name_end_of(field.text);
            }
    for (const std::string& name : call.first_only)
        keep_one(fields, name, false);
    for (const std::string& name : call.last_only)
        keep_one(fields, name, true);
    added.insert(added.end(), call.replace_keep.begin(),
                 call.replace_keep.end());
    added.insert(added.end(), call.replace.begin(), call.replace.end());
    for (const std::string& option : added)
        append(fields, option);
}

void join_lines(std::string& text)
{
    for (std::size_t at = text.find('\n');
         at != text.npos && at + 1 < text.size(); at = text.find('\n', at + 1))
        text[at] = ' ';
}

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
            if (option != 'R') {
                list_of(call, option)->push_back(value);
                return {};
            }
            const std::string* const to = next();
            if (!to)
                return not_built_in("formail -R needs two names");
            call.rename.push_back({value, *to});
            return {};
        } else if (option != 'f' && option != 'b') {
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

std::string run_formail(const Formail& call, std::string_view mail)
{
    std::string_view rest;
    mail.remove_prefix(std::min(mail.find_first_not_of('\n'), mail.size()));
    std::vector<Field> fields = split(mail, rest);
    if (call.join)
        for (Field& field : fields)
            join_lines(field.text);
    edit(fields, call);
    std::string out;
    for (const Field& field : fields) {
        if (call.edits()) {
            out += field.text;
            continue;
        }
        const auto wanted = [&](const std::string& option) {
            return matches(field, option);
        };
        if (std::any_of(call.extract_whole.begin(), call.extract_whole.end(),
                        wanted))
            out += field.text;
        else if (std::any_of(call.extract.begin(), call.extract.end(), wanted))
            out += contents(field, call);
    }
    if (!call.edits())
        return out;
    if (rest.empty() || rest[0] != '\n')
        out += '\n';
    out.append(rest);
    // A mail ends in an empty line.
    if (!out.ends_with("\n"))
        out += '\n';
    if (!out.ends_with("\n\n"))
        out += '\n';
    return out;
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
