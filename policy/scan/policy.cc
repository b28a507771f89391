#include "policy/scan/policy.h"

#include <algorithm>

#include "policy/scan/part_list.h"

#include "policy/readings.h"

namespace policy::scan {
namespace {

constexpr std::array<const char*, action_count> action_names = {
    "accept",     "tag",     "rename",   "strip",
    "quarantine", "discard", "tempfail", "reject"};

bool all_or_match(const Masks& masks, std::string_view text)
{
    return masks.empty() || any_match(masks, text);
}

bool in_networks(const std::vector<Network>& networks, const ClientAddr& addr)
{
    return networks.empty() || std::any_of(networks.begin(), networks.end(),
                                           [&](const Network& network) {
                                               return network.contains(addr);
                                           });
}

/// @param sender  as it reads
bool in_group(const Group& group, const MailFrom& from, std::string_view sender,
              std::string_view rcpt)
{
    return all_or_match(group.senders, sender) &&
           all_or_match(group.recipients, rcpt) &&
           in_networks(group.networks, from.client) &&
           (group.users.empty() || !from.auth_user.empty()) &&
           all_or_match(group.users, from.auth_user) &&
           in_direction(group.direction, from);
}

const SignatureRule* rule_for(const Rules& rules, const std::string& signature,
                              const std::string& group, Seconds now)
{
    const auto found =
        std::find_if(rules.signatures.begin(), rules.signatures.end(),
                     [&](const SignatureRule& rule) {
                         return (rule.group.empty() || rule.group == group) &&
                                (!rule.expires || now < *rule.expires) &&
                                rule.match.matches(signature);
                     });
    return found == rules.signatures.end() ? nullptr : &*found;
}

/// What one finding calls for in a group.
Outcome outcome_of(const Rules& rules, const Group* group,
                   const Finding& finding, Seconds now)
{
    Outcome out;
    out.status = finding.status;
    out.signature = finding.signature;
    out.group = group ? group->name : "";
    if (!finding.signature.empty())
        if (const auto* rule =
                rule_for(rules, finding.signature, out.group, now)) {
            out.action = rule->action;
            out.rule = "signatures";
            out.place = rule->place;
            out.reason = rule->reason;
            return out;
        }
    const ActionTable& table = group ? group->actions : rules.actions;
    out.action = table[static_cast<std::size_t>(finding.status)];
    out.rule = "actions";
    out.place = group ? group->place : "";
    return out;
}

bool of_size(const AttachmentRule& rule, std::uint64_t size)
{
    return (rule.larger == 0 || size > rule.larger) &&
           (rule.smaller == 0 || size < rule.smaller);
}

/// Parts of which no type is declared, as in archives, are the concern of
/// rules that do not ask for one.
bool of_declared_type(const AttachmentRule& rule, const std::string& mime)
{
    return all_or_match(rule.mime, mime) &&
           (rule.except_mime.empty() ||
            (!mime.empty() && !any_match(rule.except_mime, mime)));
}

/// Windows saves `a.exe. ` as `a.exe`.
std::string_view as_saved(std::string_view name)
{
    const auto last = name.find_last_not_of(". ");
    return last == std::string_view::npos ? name : name.substr(0, last + 1);
}

bool is_hit(const AttachmentRule& rule, const Part& part)
{
    const auto name = as_saved(part.name);
    if (any_match(rule.except, name))
        return false;
    std::string_view type = part.type;
    if (type.starts_with("CL_TYPE_"))
        type.remove_prefix(8);
    return (rule.inside || part.level <= 1) && of_size(rule, part.size) &&
           of_declared_type(rule, part.mime) &&
           all_or_match(rule.names, name) && all_or_match(rule.types, type);
}

/// What the message is refused for.
std::string called(const Part& part)
{
    return !part.name.empty()   ? part.name
           : !part.type.empty() ? part.type
                                : part.mime;
}

/// What a rule calls for; nullopt: nothing.  One that cannot be asked of all
/// parts counts as if it had matched.
std::optional<Outcome> ask(const AttachmentRule& rule, const Verdict& verdict)
{
    Outcome out;
    out.action = rule.action;
    out.rule = "attachments";
    out.place = rule.place;
    out.reason = rule.reason;
    const auto part =
        std::find_if(verdict.parts.begin(), verdict.parts.end(),
                     [&](const Part& one) { return is_hit(rule, one); });
    if (part != verdict.parts.end()) {
        out.status = ScanStatus::suspicious;
        out.signature = called(*part);
        return out;
    }
    const auto& found = verdict.findings;
    if (std::none_of(found.begin(), found.end(), [](const Finding& finding) {
            return finding.signature == parts_limit;
        }))
        return std::nullopt;
    out.status = ScanStatus::limits;
    out.signature = parts_limit;
    return out;
}

/// Of two outcomes the stricter; of equals the first.
void keep_stricter(Outcome& kept, Outcome other, bool first)
{
    if (first || other.action > kept.action)
        kept = std::move(other);
}

}  // namespace

const char* name_of(Action action)
{
    return action_names[static_cast<std::size_t>(action)];
}

std::optional<Action> parse_action(std::string_view text)
{
    const auto found =
        std::find(action_names.begin(), action_names.end(), text);
    if (found == action_names.end())
        return std::nullopt;
    return static_cast<Action>(found - action_names.begin());
}

Group::Direction parse_direction(std::string_view text)
{
    return text == "in"    ? Group::Direction::in
           : text == "out" ? Group::Direction::out
                           : Group::Direction::any;
}

bool goes_out(const MailFrom& from)
{
    return !from.auth_user.empty() || from.client.is_loopback();
}

bool in_direction(Group::Direction direction, const MailFrom& from)
{
    return direction == Group::Direction::any ||
           (direction == Group::Direction::out) == goes_out(from);
}

bool may_differ(const Rules& rules, const Group* a, const Group* b)
{
    if (a == b)
        return false;
    const auto name = [](const Group* g) {
        return g ? g->name : std::string{};
    };
    const auto named = [&](const auto& list) {
        return std::any_of(list.begin(), list.end(), [&](const auto& rule) {
            return !rule.group.empty() &&
                   (rule.group == name(a) || rule.group == name(b));
        });
    };
    return (a ? a->scan : true) != (b ? b->scan : true) ||
           (a ? a->actions : rules.actions) !=
               (b ? b->actions : rules.actions) ||
           named(rules.signatures) || named(rules.attachments);
}

const Group* group_of(const Rules& rules, const MailFrom& from,
                      std::string_view rcpt)
{
    const auto sender = readings(from.sender).front();
    return said_of(
        rcpt,
        [&](std::string_view reading) -> const Group* {
            const auto found = std::find_if(
                rules.groups.begin(), rules.groups.end(), [&](const Group& g) {
                    return in_group(g, from, sender, reading);
                });
            return found == rules.groups.end() ? nullptr : &*found;
        },
        [](const Group* group) { return group && !group->scan; });
}

Outcome decide(const Rules& rules, const MailFrom& from, std::string_view rcpt,
               const Verdict& verdict, Seconds now)
{
    const Group* group = group_of(rules, from, rcpt);
    Outcome out;
    out.group = group ? group->name : "";
    if (group && !group->scan) {
        out.scan = false;
        out.place = group->place;
        return out;
    }
    bool first = true;
    for (const Finding& finding : verdict.findings) {
        keep_stricter(out, outcome_of(rules, group, finding, now), first);
        first = false;
    }
    for (const AttachmentRule& rule : rules.attachments) {
        if (!rule.group.empty() && rule.group != out.group)
            continue;
        if (auto hit = ask(rule, verdict)) {
            hit->group = out.group;
            keep_stricter(out, std::move(*hit), first);
            first = false;
        }
    }
    return out;
}

}  // namespace policy::scan
