// Names of this host: aliases, ruleset 5, and people with a login.
#include "policy/sendmail/send_queue.h"
#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

std::string before_plus(const std::string& user)
{
    return user.substr(0, user.find('+'));
}

}  // namespace

/// What the alias files have about a name; the first that has it counts.
Result<std::optional<Found>> SendQueue::look_up(const std::string& name,
                                                const std::string& host) const
{
    const auto key = lower(name) == "postmaster" ? "postmaster" : name;
    const auto arguments =
        host.empty() ? std::vector<std::string>{} : std::vector{host};
    for (const auto& map : settings_.aliases) {
        const auto found = lookups_.ask(map, key, arguments);
        if (!found)
            return fail(found.error());
        if (*found)
            return Found{map, key, **found};
    }
    return std::nullopt;
}

/// Whether there is such an alias; all that it names is followed.
Result<bool> SendQueue::alias(Index at, int level)
{
    const auto name = queue_[at].to.user;
    const auto found = look_up(name, queue_[at].to.host);
    if (!found)
        return fail(found.error());
    if (!*found)
        return false;
    queue_[at].self_reference = false;
    queue_[at].state = State::gone;
    const auto done = send_to((*found)->value, static_cast<int>(at), level + 1);
    if (!done)
        return fail(done.error());
    if (queue_[at].self_reference && queue_[at].state == State::gone)
        queue_[at].state = State::ok;
    const auto of = name.starts_with("owner-") ? "owner" : name;
    // The step is told by the map itself.
    if (const auto owner = look_up("owner-" + of, ""); !owner)
        return fail(owner.error());
    return true;
}

/// Ruleset 5: details, LUSER_RELAY, MAIL_HUB and LOCAL_RELAY.
Status SendQueue::ruleset5(Index at, int level)
{
    macros_.set("z", "");
    const auto other = resolver_.local(queue_[at].to);
    if (!other)
        return fail(other.error());
    if (!*other)
        return {};
    Entry entry;
    entry.to = **other;
    entry.given = queue_[at].given;
    entry.parent = static_cast<int>(at);
    entry.primary = queue_[at].primary;
    entry.bad_shell = queue_[at].bad_shell;
    entry.unsafe = queue_[at].unsafe;
    queue_[at].state = State::gone;
    const auto& name = queue_[at].to.user;
    if (!entry.to.mailer.has('l') ||
        before_plus(entry.to.user) != before_plus(name)) {
        const bool known = world_.account(before_plus(name)).has_value();
        const auto set = [&](const char* macro) {
            return !macros_.expanded(macro).empty();
        };
        step(!known && set("$L") ? "catchall"
             : set("$H")         ? "hub"
                                 : "relay",
             "", name,
             entry.to.mailer.name +
                 (entry.to.host.empty() ? "" : ":" + entry.to.host));
    }
    if (entry.to.mailer.name == error_mailer)
        bounce(entry, entry.to.text);
    return recipient(std::move(entry), level);
}

/// A mailer that serves people with a login only.
Status SendQueue::login(Index at, bool quoted, int level)
{
    const auto name = without_quotes(queue_[at].to.user);
    const auto account = world_.account(name);
    if (!account) {
        bounce(queue_[at], "User unknown");
        return {};
    }
    queue_[at].account = account->name;
    queue_[at].bad_shell = !account->shell_ok;
    return quoted ? Status{} : forward(at, *account, level);
}

}  // namespace policy::sendmail
