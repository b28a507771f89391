#include "policy/filter/apart.h"

#include <algorithm>

namespace policy::filter {

const Apart::Entry* Apart::Sender::find(const std::string& rcpt,
                                        Seconds now) const
{
    const auto it = rcpts.find(rcpt);
    return it == rcpts.end() || it->second.until <= now ? nullptr : &it->second;
}

/// Whether a kind waits this time for those that waited for it.  If they did
/// not come when it did, they are not waited for again.
bool Apart::Sender::yields(std::size_t kind, std::set<std::size_t>& waiting)
{
    Kind& own = kinds[kind];
    if (waiting.contains(kind))
        return true;
    if (own.held_up.empty())
        return false;
    if (own.waited) {
        own = {};
        return false;
    }
    own.waited = true;
    waiting.insert(kind);
    return true;
}

/// Which kinds have one recipient.
std::vector<bool> Apart::Sender::alone() const
{
    std::vector<std::size_t> members(kinds.size());
    for (const auto& [rcpt, entry] : rcpts)
        ++members[entry.kind];
    std::vector<bool> out;
    for (const std::size_t n : members)
        out.push_back(n == 1);
    return out;
}

void Apart::make_room()
{
    while (pairs_ > apart_pairs && senders_.size() > 1) {
        const auto oldest = std::min_element(
            senders_.begin(), senders_.end(), [](const auto& a, const auto& b) {
                return a.second.until < b.second.until;
            });
        pairs_ -= oldest->second.rcpts.size();
        senders_.erase(oldest);
    }
}

void Apart::remember(const std::string& sender,
                     const std::vector<std::string>& rcpts,
                     const std::vector<std::size_t>& kinds, Seconds now)
{
    const std::lock_guard lock{mutex_};
    Sender& own = senders_[sender];
    if (own.until <= now || own.kinds.size() + rcpts.size() > apart_pairs) {
        pairs_ -= own.rcpts.size();
        own = {};
    }
    own.until = now + apart_for;
    const bool again =
        std::any_of(rcpts.begin(), rcpts.end(), [&](const std::string& rcpt) {
            return own.find(rcpt, now) != nullptr;
        });
    const auto loners = own.alone();
    const std::size_t first = own.kinds.size();
    std::set<std::string> named;
    for (std::size_t i = 0; i < rcpts.size(); ++i) {
        if (!named.insert(rcpts[i]).second)
            continue;
        const Entry* const old = own.find(rcpts[i], now);
        const std::size_t kind = old && loners[old->kind] ? old->kind
                                 : again                  ? own.kinds.size()
                                                          : first + kinds[i];
        own.kinds.resize(std::max(own.kinds.size(), kind + 1));
        pairs_ +=
            own.rcpts.insert_or_assign(rcpts[i], Entry{kind, own.until}).second;
    }
    make_room();
}

/// Whether `rcpt` waits, for those that were taken or for those that come.
bool Apart::Sender::holds_back(Transaction& transaction,
                               const std::string& rcpt, Seconds now)
{
    const Entry* const own = find(rcpt, now);
    if (!own)
        return false;
    bool on_its_way = false;
    for (const std::string& other : transaction.taken) {
        const Entry* const theirs = find(other, now);
        if (theirs && theirs->kind != own->kind) {
            kinds[theirs->kind].held_up.insert(own->kind);
            return true;
        }
        on_its_way = on_its_way || theirs;
    }
    return !on_its_way && yields(own->kind, transaction.waiting);
}

bool Apart::must_wait(const std::string& sender, Transaction& transaction,
                      const std::string& rcpt, Seconds now)
{
    const std::lock_guard lock{mutex_};
    const auto it = senders_.find(sender);
    if (it != senders_.end() && it->second.holds_back(transaction, rcpt, now))
        return true;
    transaction.taken.push_back(rcpt);
    return false;
}

void Apart::answered(const std::string& sender, const Transaction& transaction,
                     bool for_now)
{
    const std::lock_guard lock{mutex_};
    const auto it = senders_.find(sender);
    if (it == senders_.end())
        return;
    Sender& own = it->second;
    std::set<std::size_t> had_turn;
    for (const std::string& rcpt : transaction.taken)
        if (const auto entry = own.rcpts.find(rcpt); entry != own.rcpts.end())
            had_turn.insert(entry->second.kind);
    for (const std::size_t kind : had_turn) {
        for (Kind& other : own.kinds)
            if (other.held_up.erase(kind) != 0)
                other.waited = false;
        if (!for_now)
            own.kinds[kind] = {};
    }
}

}  // namespace policy::filter
