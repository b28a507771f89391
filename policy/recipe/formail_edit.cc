// What formail does to a header.
#include <algorithm>
#include <set>

#include "policy/recipe/field.h"
#include "policy/recipe/formail.h"

namespace policy::recipe {
namespace {

/// -z: a blank behind each colon; fields that have nothing else go.
void zap(std::vector<Field>& fields)
{
    for (Field& field : fields)
        if (field.has_colon() && field.text[field.name_end] != ' ' &&
            field.text[field.name_end] != '\t')
            field.text.insert(field.name_end, " ");
    std::erase_if(fields, [](const Field& field) {
        return field.has_colon() && field.text.size() == field.name_end + 2 &&
               field.text.back() == '\n';
    });
}

std::string contents(const Field& field, const Formail& call)
{
    std::string text = field.text.substr(field.name_end);
    if (!call.zap)
        return text;
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

/// A whole name takes the place of the whole one, a beginning that of the
/// beginning.
void rename(Field& field, std::string_view from, std::string_view to)
{
    const std::size_t replaced =
        to.ends_with(":") ? field.name_end : option_name(from).size();
    // Further lines of From_ become those of a folded field.
    if (!field.has_colon())
        for (std::size_t at = field.text.find("\n>"); at != field.text.npos;
             at = field.text.find("\n>", at + 1))
            field.text[at + 1] = ' ';
    field.text.replace(0, replaced, to);
    field.name_end += to.size() - replaced;
}

/// Of the fields that `name` means, the first or the last of each name.
void keep_one(std::vector<Field>& fields, const std::string& name, bool last)
{
    std::vector<Field> left;
    std::set<std::string> seen;
    if (last)
        std::reverse(fields.begin(), fields.end());
    for (Field& field : fields)
        if (!field.matches(name) || seen.insert(field.lower_name()).second)
            left.push_back(std::move(field));
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
            [&](const Field& field) { return field.matches(option); });
    };
    std::vector<std::string> added;
    for (const std::string& option : call.add_if_absent)
        if (absent(option))
            added.push_back(option);
    added.insert(added.end(), call.add.begin(), call.add.end());
    for (const std::string& option : call.replace_keep)
        for (Field& field : fields)
            if (field.matches(option)) {
                field.text = "Old-" + field.text;
                field.name_end += 4;
            }
    for (const std::string& option : call.replace)
        std::erase_if(
            fields, [&](const Field& field) { return field.matches(option); });
    for (const auto& [from, to] : call.rename)
        for (Field& field : fields)
            if (field.matches(from))
                rename(field, from, option_name(to));
    for (const std::string& name : call.first_only)
        keep_one(fields, name, false);
    for (const std::string& name : call.last_only)
        keep_one(fields, name, true);
    if (call.zap)
        zap(fields);
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

}  // namespace

std::string run_formail(const Formail& call, std::string_view mail)
{
    std::string_view rest;
    mail.remove_prefix(std::min(mail.find_first_not_of('\n'), mail.size()));
    std::vector<Field> fields = split_fields(mail, rest);
    if (call.join)
        for (Field& field : fields)
            if (field.has_colon())
                join_lines(field.text);
    edit(fields, call);
    std::string out;
    for (const Field& field : fields) {
        if (call.edits()) {
            out += field.text;
            continue;
        }
        const auto wanted = [&](const std::string& option) {
            return field.matches(option);
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

}  // namespace policy::recipe
