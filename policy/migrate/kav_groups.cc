#include "policy/migrate/kav_groups.h"

#include <algorithm>
#include <map>

#include "policy/migrate/kav_filters.h"
#include "policy/migrate/kav_notices.h"
#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;
using sendmail::split;

constexpr const char* definition = "group.definition";
constexpr const char* actions = "group.actions";

/// Of a mask of addresses.
bool means_all(const Line& line)
{
    return line.value == "*@*" || line.value == "*";
}

/// One file, while it is read.
class Reader {
public:
    Reader(const Source& file, const Source& disclaimer, Draft& draft)
        : lines_{ini_lines(file)}, disclaimer_{disclaimer}, draft_{draft}
    {
        if (const auto* given = find("groupname"))
            name_ = given->value;
        // default.conf, and a group without a name, are for everybody.
        all_ = lower(name_) == "default" || name_.empty();
        if (!all_)
            in_ = draft.next("virus.groups");
    }

    void read()
    {
        if (!all_)
            draft_.set(in_ + "name", name_, *find("groupname"));
        for (const auto& line : lines_)
            if (!one(line))
                draft_.leave(line, "unknown here");
        read_filters(lines_, all_ ? "" : name_, draft_);
        signatures();
        read_notices(lines_, all_, draft_);
    }

private:
    const Line* find(std::string_view key) const
    {
        for (const auto& line : lines_)
            if (lower(line.key) == key)
                return &line;
        return nullptr;
    }

    std::string value(std::string_view key) const
    {
        const auto* line = find(key);
        return line ? lower(line->value) : "";
    }

    /// Where an action for a status goes.
    std::string action_key(const std::string& status) const
    {
        return (all_ ? "virus.actions." : in_) + status;
    }

    void action(const std::string& status, const Line& line)
    {
        const auto word = lower(line.value);
        if (word == "noscan")
            return no_scan(line);
        if (const auto ours = our_action(word); !ours.empty())
            draft_.set(action_key(status), ours, line);
        else
            draft_.leave(line, "unknown action");
        if (word == "cure")
            draft_.leave(line,
                         "libclamav cannot disinfect: the part is replaced by "
                         "a notice (strip)");
    }

    void no_scan(const Line& line)
    {
        if (!all_ && std::any_of(lines_.begin(), lines_.end(), [](auto& other) {
                return lower(other.key) == "senders" && !means_all(other);
            }))
            return draft_.leave(line, exempts_senders);
        const auto in = all_ ? draft_.next("virus.groups") : in_;
        if (all_)
            draft_.set(in + "name", "default", line);
        draft_.set(in + "scan", "no", line);
    }

    bool one(const Line& line)
    {
        if (line.section == definition)
            return defines(line);
        if (line.section == actions)
            return acts(line);
        if (line.section == "group.settings")
            return settings(line);
        // Those of each are read together, below.
        return line.section == "group.filter" || is_notice(line);
    }

    bool defines(const Line& line)
    {
        const auto key = lower(line.key);
        if (key == "senders" || key == "recipients") {
            if (!means_all(line) && !all_)
                draft_.append(in_ + key, line.value, line);
        } else if (key == "priority") {
            if (!all_)
                draft_.set(in_ + "priority", line.value, line);
        } else {
            return key == "groupname";
        }
        return true;
    }

    bool acts(const Line& line)
    {
        static const std::map<std::string, std::string> statuses{
            {"defaultaction", "infected"},
            {"suspiciousaction", "suspicious"},
            {"protectedaction", "protected"},
            {"erroraction", "error"}};
        const auto key = lower(line.key);
        const auto status = statuses.find(key);
        if (status != statuses.end())
            action(status->second, line);
        else if (key == "useplaceholdernotice" && !is_yes(line.value))
            draft_.leave(line,
                         "what is removed is always replaced by a notice");
        // The list of names and its action are read together, below.
        return status != statuses.end() || key == "useplaceholdernotice" ||
               key == "virusnamelist" || key == "virusnameaction";
    }

    bool settings(const Line& line)
    {
        const auto key = lower(line.key);
        if (key == "scanpolicy")
            return true;  // always whole, with every part
        if (key == "addxheaders")
            header(line);
        else if (key == "adddisclaimer")
            disclaimer(line);
        else
            return false;
        return true;
    }

    void header(const Line& line)
    {
        if (!is_yes(line.value))
            draft_.leave(line,
                         "empty virus.headers.scanned and .status to "
                         "have no headers");
        else if (all_)
            draft_.set("virus.headers.anti_virus", "X-Anti-Virus", line);
    }

    void disclaimer(const Line& line)
    {
        const auto text = text_of_template(disclaimer_.text);
        if (is_yes(line.value) && text.empty())
            draft_.leave(line,
                         "copy the text of message_disclaimer to "
                         "virus.disclaimer.text");
        else if (is_yes(line.value))
            draft_.set("virus.disclaimer.text", text, line);
        else if (!all_)
            draft_.set(in_ + "disclaimer", "no", line);
    }

    void signatures()
    {
        const auto* list = find("virusnamelist");
        const auto* action = find("virusnameaction");
        if (!list || list->value.empty())
            return;
        const auto ours = our_action(action ? lower(action->value) : "drop");
        if (ours.empty())
            return draft_.leave(*action, "unknown action");
        for (const auto& mask : split(list->value, ",")) {
            const auto in = draft_.next("virus.signatures");
            draft_.set(in + "match", mask, *list);
            draft_.set(in + "action", ours, action ? *action : *list);
            if (!all_)
                draft_.set(in + "group", name_, *list);
        }
    }

    std::vector<Line> lines_;
    const Source& disclaimer_;
    Draft& draft_;
    std::string name_;
    std::string in_;
    bool all_ = false;
};

}  // namespace

void read_group(const Source& file, const Source& disclaimer, Draft& draft)
{
    Reader{file, disclaimer, draft}.read();
}

}  // namespace policy::migrate
