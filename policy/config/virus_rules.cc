// Groups, and rules by signature and attachment, of the virus section.
#include <algorithm>
#include <charconv>

#include "policy/config/section.h"
#include "policy/config/virus.h"

namespace policy::config {
namespace {

using Strings = std::vector<std::string>;
using scan::Action;
using scan::ScanStatus;

constexpr ScanStatus judged[] = {ScanStatus::infected, ScanStatus::suspicious,
                                 ScanStatus::locked,   ScanStatus::oversize,
                                 ScanStatus::limits,   ScanStatus::error};

std::string member(const char* sequence, std::size_t i)
{
    return "virus." + std::string{sequence} + "[" + std::to_string(i) + "].";
}

class Reader : SectionReader {
public:
    using SectionReader::SectionReader;

    Action action(const std::string& name)
    {
        return *scan::parse_action(text(name));  // a choice of the table
    }

    void rules(scan::Rules& out)
    {
        for (const ScanStatus status : judged)
            out.actions[static_cast<std::size_t>(status)] =
                action(std::string{"virus.actions."} + scan::name_of(status));
        for (std::size_t i = 0; i < values_.count("virus.groups"); ++i)
            out.groups.push_back(group(out, i));
        std::stable_sort(out.groups.begin(), out.groups.end(),
                         [](const scan::Group& a, const scan::Group& b) {
                             return a.priority > b.priority;
                         });
        for (std::size_t i = 0; i < values_.count("virus.signatures"); ++i)
            out.signatures.push_back(signature(out, i));
        for (std::size_t i = 0; i < values_.count("virus.attachments"); ++i)
            out.attachments.push_back(attachment(out, i));
        if (text("virus.engine") == "clamd")
            must_hide_none(out);
        if (!out.attachments.empty() && text("virus.engine") == "clamd")
            complain("virus.engine",
                     "clamd does not tell what is in a message, as "
                     "virus.attachments needs");
    }

    /// clamd stops at the first signature: behind one that is forgiven could
    /// be another.
    void must_hide_none(const scan::Rules& rules)
    {
        constexpr auto infected =
            static_cast<std::size_t>(ScanStatus::infected);
        Action strictest = rules.actions[infected];
        for (const scan::Group& group : rules.groups)
            strictest = std::max(strictest, group.actions[infected]);
        for (std::size_t i = 0; i < rules.signatures.size(); ++i)
            if (rules.signatures[i].action < strictest)
                complain(member("signatures", i) + "action",
                         "clamd tells of one signature alone, so an action "
                         "milder than for infected could hide another; let "
                         "its .ign2 files forgive");
    }

    /// Actions of the group that it inherits from, which stands before it.
    scan::ActionTable inherited(const scan::Rules& rules,
                                const std::string& key)
    {
        const std::string base = text(key);
        if (base.empty())
            return rules.actions;
        for (const scan::Group& group : rules.groups)
            if (group.name == base)
                return group.actions;
        complain(key, "'" + base + "' is not a group above this one");
        return rules.actions;
    }

    scan::Group group(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("groups", i);
        scan::Group out;
        out.name = text(in + "name");
        if (out.name.empty())
            complain(in + "priority", "a group needs a name");
        if (is_group(rules, out.name))
            complain(in + "name", "there is another group '" + out.name + "'");
        out.priority = values_.get<std::int64_t>(in + "priority");
        out.senders = masks(in + "senders");
        out.recipients = masks(in + "recipients");
        out.networks = values_.get<std::vector<Network>>(in + "networks");
        out.users = masks(in + "users");
        out.direction = scan::parse_direction(text(in + "direction"));
        out.disclaimer = values_.get<bool>(in + "disclaimer");
        out.scan = values_.get<bool>(in + "scan");
        if (!out.scan && !out.senders.empty() && out.networks.empty() &&
            out.users.empty() && out.direction != scan::Group::Direction::out)
            complain(in + "scan",
                     "senders alone, which anybody may forge, exempt nobody: "
                     "give networks, users or direction: out, too");
        out.place = values_.place(in + "name");
        out.actions = inherited(rules, in + "inherit");
        for (const ScanStatus status : judged)
            own_action(in + scan::name_of(status),
                       out.actions[static_cast<std::size_t>(status)]);
        return out;
    }

    void own_action(const std::string& name, Action& out)
    {
        const std::string word = text(name);
        if (word.empty())
            return;
        if (const auto own = scan::parse_action(word);
            own && *own != Action::rename)
            out = *own;
        else
            complain(name, "'" + word + "' is not an action");
    }

    scan::SignatureRule signature(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("signatures", i);
        scan::SignatureRule out;
        out.match = mask(in + "match", text(in + "match"));
        if (out.match.text().empty())
            complain(in + "action", "a rule needs match");
        out.action = action(in + "action");
        out.group = text(in + "group");
        must_be_group(rules, in + "group", out.group);
        out.reason = text(in + "reason");
        out.author = text(in + "author");
        out.place = values_.place(in + "match");
        if (const std::string day = text(in + "expires"); !day.empty())
            out.expires = date(in + "expires", day);
        return out;
    }

    static bool is_group(const scan::Rules& rules, const std::string& name)
    {
        return std::any_of(rules.groups.begin(), rules.groups.end(),
                           [&](const auto& g) { return g.name == name; });
    }

    void must_be_group(const scan::Rules& rules, const std::string& key,
                       const std::string& name)
    {
        if (!name.empty() && !is_group(rules, name))
            complain(key, "no group '" + name + "'");
    }

    std::optional<Seconds> date(const std::string& name, const std::string& day)
    {
        int y = 0;
        unsigned m = 0;
        unsigned d = 0;
        const char* const s = day.data();
        const bool read = day.size() == 10 && day[4] == '-' && day[7] == '-' &&
                          std::from_chars(s, s + 4, y).ptr == s + 4 &&
                          std::from_chars(s + 5, s + 7, m).ptr == s + 7 &&
                          std::from_chars(s + 8, s + 10, d).ptr == s + 10;
        const std::chrono::year_month_day ymd{
            std::chrono::year{y}, std::chrono::month{m}, std::chrono::day{d}};
        if (read && ymd.ok())
            return Seconds{std::chrono::sys_days{ymd}};
        complain(name, "'" + day + "' is not a day, as in 2026-12-31");
        return std::nullopt;
    }

    scan::AttachmentRule attachment(const scan::Rules& rules, std::size_t i)
    {
        const std::string in = member("attachments", i);
        scan::AttachmentRule out;
        out.names = masks(in + "name");
        out.types = masks(in + "type");
        out.mime = masks(in + "mime");
        out.except = masks(in + "except");
        out.except_mime = masks(in + "except_mime");
        out.group = text(in + "group");
        must_be_group(rules, in + "group", out.group);
        out.larger = number(in + "larger");
        out.smaller = number(in + "smaller");
        out.inside = values_.get<bool>(in + "inside");
        out.action = action(in + "action");
        out.reason = text(in + "reason");
        out.place = values_.place(in + "name");
        return out;
    }
};

}  // namespace

void read_rules(const Values& values, Problems& problems, scan::Rules& out)
{
    Reader{values, problems}.rules(out);
}

}  // namespace policy::config
