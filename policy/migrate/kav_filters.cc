#include "policy/migrate/kav_filters.h"

#include <map>

#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;
using sendmail::split;

/// The three kinds of filters: what they look at, and the settings of ours.
struct Kind {
    std::string word;     ///< name, mime, size
    std::string only;     ///< setting of what Include names
    std::string without;  ///< setting of what Exclude names
};

const Line* find(const std::vector<Line>& lines, const std::string& key)
{
    for (const auto& line : lines)
        if (line.section == "group.filter" && lower(line.key) == key)
            return &line;
    return nullptr;
}

/// Regular expressions, divided by commas.
void masks(const std::string& name, const Line* line, Draft& draft)
{
    if (line)
        for (const auto& mask : split(line->value, ","))
            draft.append(name, "re:" + mask, *line);
}

/// One rule: what Include names, but not what Exclude names.
void by_pattern(const Kind& kind, const std::vector<Line>& lines,
                const std::string& group, Draft& draft)
{
    const auto* include = find(lines, "include" + kind.word);
    const auto* exclude = find(lines, "exclude" + kind.word);
    const auto* action = find(lines, "filtered" + kind.word + "action");
    const auto* first = include ? include : exclude;
    const auto word = action ? lower(action->value) : "skip";
    if (!first || first->value.empty() || word == "skip")
        return;
    const auto ours = word == "rename" ? word : our_action(word);
    if (ours.empty())
        return draft.leave(*action, "unknown action");
    const auto in = draft.next("virus.attachments");
    draft.set(in + "action", ours, *action);
    masks(in + kind.only, include, draft);
    masks(in + kind.without, exclude, draft);
    draft.set(in + "inside", "no", *first);
    if (!group.empty())
        draft.set(in + "group", group, *first);
}

/// Digits, or with KB or MB: as our sizes.
std::string size_of(std::string text)
{
    if (!text.empty() && (text.back() == 'B' || text.back() == 'b'))
        text.pop_back();
    return text;
}

bool is_set(const Line* line)
{
    return line && !line->value.empty();
}

/// One rule: what is larger than Include says, but not what is larger than
/// Exclude says.
void by_size(const std::vector<Line>& lines, const std::string& group,
             Draft& draft)
{
    const auto* include = find(lines, "includesize");
    const auto* exclude = find(lines, "excludesize");
    const auto* action = find(lines, "filteredsizeaction");
    const auto word = action ? lower(action->value) : "skip";
    const auto* first = is_set(include)   ? include
                        : is_set(exclude) ? exclude
                                          : nullptr;
    if (!first || word == "skip")
        return;
    const auto in = draft.next("virus.attachments");
    if (is_set(include))
        draft.set(in + "larger", size_of(include->value), *include);
    if (is_set(exclude))
        draft.set(in + "smaller", size_of(exclude->value), *exclude);
    if (const auto ours = our_action(word); !ours.empty())
        draft.set(in + "action", ours, *action);
    else
        draft.leave(*action, "unknown action");
    draft.set(in + "inside", "no", *first);
    if (!group.empty())
        draft.set(in + "group", group, *first);
}

}  // namespace

std::string our_action(const std::string& word)
{
    static const std::map<std::string, std::string> words{
        {"warn", "strip"}, {"drop", "discard"}, {"reject", "reject"},
        {"cure", "strip"}, {"delete", "strip"}, {"skip", "accept"}};
    const auto found = words.find(word);
    return found == words.end() ? "" : found->second;
}

void read_filters(const std::vector<Line>& lines, const std::string& group,
                  Draft& draft)
{
    by_pattern({"name", "name", "except"}, lines, group, draft);
    by_pattern({"mime", "mime", "except_mime"}, lines, group, draft);
    by_size(lines, group, draft);
}

}  // namespace policy::migrate
