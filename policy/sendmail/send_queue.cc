#include "policy/sendmail/send_queue.h"

#include <algorithm>

#include "policy/sendmail/words.h"
#include "policy/tokens.h"

namespace policy::sendmail {
namespace {

bool is_quoted(const std::string& user)
{
    return user.find('\\') != user.npos;
}

}  // namespace

SendQueue::SendQueue(const QueueSettings& settings, const FlowWorld& world,
                     const Lookups& lookups, const Resolver& resolver,
                     Macros& macros, Flow& flow)
    : settings_{settings},
      world_{world},
      lookups_{lookups},
      resolver_{resolver},
      macros_{macros},
      flow_{flow}
{
}

Status SendQueue::send(std::string_view address)
{
    const auto done = send_to(address, -1, 0);
    if (!done)
        return fail(done.error());
    finish();
    return {};
}

void SendQueue::step(std::string stage, std::string source, std::string key,
                     std::string value)
{
    flow_.steps.push_back({std::move(stage), std::move(source), std::move(key),
                           std::move(value)});
}

void SendQueue::bounce(Entry& entry, const std::string& text)
{
    entry.state = State::bad;
    step("bounce", "", entry.given, text);
    flow_.deliveries.insert({error_mailer, "", entry.given, text});
}

/// @param parent  index of who names them; -1: the sender
/// @return how many there were
Result<int> SendQueue::send_to(std::string_view list, int parent, int level)
{
    std::vector<Entry> entries;
    for (const auto& given : address_list(list)) {
        const auto target = resolver_.resolve(given);
        if (!target)
            return fail(target.error());
        if (!*target)
            continue;
        Entry entry;
        entry.to = **target;
        entry.given = given;
        entry.parent = parent;
        if (entry.to.mailer.name == error_mailer)
            bounce(entry, entry.to.text);
        if (parent >= 0 &&
            queue_[static_cast<Index>(parent)].to.same_as(entry.to))
            queue_[static_cast<Index>(parent)].self_reference = true;
        if (const int loop = loops_to(entry); loop >= 0) {
            queue_[static_cast<Index>(loop)].self_reference = true;
            continue;
        }
        entries.push_back(std::move(entry));
    }
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        if (const auto done = recipient(*entry, level); !done)
            return fail(done.error());
    return static_cast<int>(entries.size());
}

bool SendQueue::is_mailbox(const Entry& entry) const
{
    return entry.to.mailer.has('w') ? world_.account(entry.to.user).has_value()
                                    : entry.to.mailer.has('l');
}

/// Which entry of the chain that has named this one keeps the mail where the
/// chain comes back to itself: the first that is a mailbox.  -1: the chain
/// does not, or the entry does, or nobody can.
int SendQueue::loops_to(const Entry& entry) const
{
    int top = entry.parent;
    while (top >= 0 && !queue_[static_cast<Index>(top)].to.same_as(entry.to))
        top = queue_[static_cast<Index>(top)].parent;
    if (top < 0)
        return -1;
    const auto& first = queue_[static_cast<Index>(top)].to;
    const bool by_account = entry.to.mailer.has('w');
    if (is_mailbox(entry) &&
        (by_account || entry.to.mailer.name == first.mailer.name))
        return top;  // the same mailbox as the entry
    for (int at = entry.parent; at >= 0;
         at = queue_[static_cast<Index>(at)].parent) {
        const auto& one = queue_[static_cast<Index>(at)];
        if (is_mailbox(one) &&
            (one.to.mailer.has('w') || one.to.mailer.name == first.mailer.name))
            return one.to.same_as(first) ? top : at;
    }
    return -1;
}

/// Whether somebody is there already.
bool SendQueue::duplicate(const Entry& entry)
{
    for (auto& other : queue_) {
        if (!other.to.same_as(entry.to) || (!other.known && other.primary))
            continue;
        if (!other.primary) {
            if (entry.state == State::gone)
                other.state = State::gone;
        } else if (other.self_reference) {
            other.state = entry.state;
        } else {
            return true;
        }
        other.self_reference = other.self_reference || entry.self_reference;
        other.primary = other.primary || entry.primary;
        return true;
    }
    return false;
}

/// Programs and files that nobody may name, or not from where they are named.
void SendQueue::refuse_direct(Entry& entry)
{
    const bool program = entry.to.mailer.name == program_mailer;
    if (!program && entry.to.mailer.name != file_mailer)
        return;
    const std::string what = program ? "programs" : "files";
    if (entry.parent < 0)
        return bounce(entry, "Cannot mail directly to " + what);
    const auto& parent = queue_[static_cast<Index>(entry.parent)];
    if (parent.bad_shell && parent.account.starts_with("UID "))
        bounce(entry,
               parent.account + " is an unknown user: cannot mail to " + what);
    else if (parent.bad_shell)
        bounce(entry, "User " + parent.account + "@" + macros_.expanded("$j") +
                          " doesn't have a valid shell for mailing to " + what);
    else if (parent.unsafe)
        bounce(entry,
               "Address " + parent.given + " is unsafe for mailing to " + what);
}

Status SendQueue::recipient(Entry entry, int level)
{
    entry.primary = entry.primary || level == 0;
    if (level > settings_.most_expansions) {
        if (entry.parent >= 0)
            queue_[static_cast<Index>(entry.parent)].state = State::bad;
        bounce(entry, "aliasing/forwarding loop broken (" +
                          std::to_string(level) + " aliases deep; " +
                          std::to_string(settings_.most_expansions) + " max)");
        return {};
    }
    if (entry.to.mailer.name == program_mailer)
        refuse_direct(entry);
    if (duplicate(entry))
        return {};
    queue_.push_back(std::move(entry));
    const Index at = queue_.size() - 1;
    const auto done = expand(at, level);
    queue_[at].known = true;
    return done;
}

Status SendQueue::expand(Index at, int level)
{
    const auto is_ok = [&] { return queue_[at].state == State::ok; };
    const Mailer mailer = queue_[at].to.mailer;
    const bool quoted = is_quoted(queue_[at].to.user);
    if (is_ok())
        if (const auto done = special(at, level); !done)
            return done;
    if (is_ok() && !quoted && mailer.has('A'))
        if (const auto done = alias(at, level); !done)
            return fail(done.error());
    if (is_ok() && mailer.has('5') && !queue_[at].to.final)
        if (const auto done = ruleset5(at, level + 1); !done)
            return done;
    if (is_ok() && mailer.has('w'))
        if (const auto done = login(at, quoted, level); !done)
            return done;
    last_resort(at);
    return {};
}

/// Mailers that are no mailers: lists, and files.
Status SendQueue::special(Index at, int level)
{
    auto& entry = queue_[at];
    if (entry.to.mailer.name == file_mailer)
        refuse_direct(entry);
    if (entry.to.mailer.name != include_mailer)
        return {};
    entry.state = State::gone;
    if (entry.parent < 0) {
        bounce(entry, "Cannot mail directly to :include:s");
        return {};
    }
    const auto done = include(entry.to.user, nullptr, at, level);
    return done ? Status{} : fail(done.error());
}

/// Mail that everybody hands on and nobody takes comes back.
void SendQueue::last_resort(Index at)
{
    auto& entry = queue_[at];
    const bool all_gone =
        std::all_of(queue_.begin(), queue_.end(),
                    [](const Entry& one) { return one.state == State::gone; });
    if (entry.parent < 0 && entry.state == State::gone && all_gone)
        bounce(entry, "aliasing/forwarding loop broken");
}

/// Everybody who is left gets a copy.
void SendQueue::finish()
{
    for (const auto& entry : queue_) {
        if (entry.state != State::ok)
            continue;
        const auto& to = entry.to;
        const bool local = to.mailer.has('l') &&
                           to.mailer.name != program_mailer &&
                           to.mailer.name != file_mailer;
        const auto name =
            to.mailer.has('s') ? without_quotes(to.user) : to.user;
        auto host = to.host;
        if (host.ends_with('.'))
            host.pop_back();
        if (local) {
            const auto account = world_.account(name);
            step("user", "", name, account ? account->home : "not looked for");
        } else if (!to.mailer.has('l')) {
            step("remote", "", name,
                 to.mailer.name + (host.empty() ? "" : ":" + host));
        }
        flow_.deliveries.insert({to.mailer.name, host, name, ""});
    }
}

}  // namespace policy::sendmail
