#include "policy/filter/combine.h"

#include <algorithm>
#include <set>

namespace policy::filter {
namespace {

bool waits(const SmtpOutcome& outcome)
{
    return outcome.verdict == Verdict::tempfail;
}

bool refuses(const SmtpOutcome& outcome)
{
    return outcome.verdict == Verdict::reject || waits(outcome);
}

/// Nothing of the mail goes anywhere.
bool is_gone(const SmtpOutcome& outcome)
{
    return outcome.verdict == Verdict::discard && outcome.forwards.empty();
}

/// What can only be done to the message as a whole is the same.
bool same_message(const SmtpOutcome& a, const SmtpOutcome& b)
{
    return a.headers == b.headers && a.quarantine == b.quarantine &&
           a.body == b.body;
}

/// Whether one transaction can serve both.
bool go_together(const SmtpOutcome& a, const SmtpOutcome& b)
{
    if (refuses(a) || refuses(b))
        return a.verdict == b.verdict && a.reply == b.reply;
    return is_gone(a) || is_gone(b) || same_message(a, b);
}

std::string with_folder(const std::string& address, const std::string& folder)
{
    const std::size_t at = address.rfind('@');
    const std::string local = address.substr(0, at);
    return local.substr(0, local.find('+')) + "+" + folder +
           (at == address.npos ? "" : address.substr(at));
}

class Combiner {
public:
    Combiner(const std::vector<Copy>& copies, bool apart)
        : copies_{copies}, apart_{apart}
    {
    }

    Acts run()
    {
        sort_out();
        if (delivered_.empty() && refused_.empty()) {
            acts_.verdict = Verdict::discard;
        } else if (delivered_.empty()) {
            refuse_all();
        } else if (differ() && (apart_ || somebody_waits())) {
            come_again();
        } else {
            together();
        }
        return std::move(acts_);
    }

private:
    void sort_out()
    {
        for (std::size_t i = 0; i < copies_.size(); ++i) {
            const SmtpOutcome& outcome = copies_[i].outcome;
            if (refuses(outcome))
                refused_.push_back(i);
            else if (!is_gone(outcome))
                delivered_.push_back(i);
        }
    }

    const SmtpOutcome& outcome(std::size_t i) const
    {
        return copies_[i].outcome;
    }

    bool somebody_waits() const
    {
        return std::any_of(refused_.begin(), refused_.end(),
                           [&](std::size_t i) { return waits(outcome(i)); });
    }

    bool differ() const
    {
        if (!refused_.empty())
            return true;
        return std::any_of(
            delivered_.begin(), delivered_.end(), [&](std::size_t i) {
                return !same_message(outcome(delivered_[0]), outcome(i));
            });
    }

    /// For now, if one of them says so: the others are asked once more.
    void refuse_all()
    {
        std::size_t chosen = refused_[0];
        for (const std::size_t i : refused_)
            if (waits(outcome(i)) && !waits(outcome(chosen)))
                chosen = i;
        acts_.verdict = outcome(chosen).verdict;
        acts_.reply = outcome(chosen).reply;
    }

    void come_again()
    {
        acts_.differ = true;
        acts_.verdict = Verdict::tempfail;
        acts_.reply = {451, "4.7.1",
                       "Recipients have different filters; please try again"};
        std::vector<std::size_t> first;
        for (std::size_t i = 0; i < copies_.size(); ++i) {
            const auto kind = std::find_if(
                first.begin(), first.end(), [&](std::size_t other) {
                    return apart_ ? go_together(outcome(i), outcome(other))
                                  : waits(outcome(i)) == waits(outcome(other));
                });
            acts_.kinds.push_back(
                static_cast<std::size_t>(kind - first.begin()));
            if (kind == first.end())
                first.push_back(i);
        }
    }

    void together()
    {
        for (const std::size_t i : refused_) {
            acts_.differ = true;
            acts_.notes.push_back(copies_[i].rcpt +
                                  " refuses alone and is taken off");
        }
        message_edits();
        recipients();
    }

    void message_edits()
    {
        const SmtpOutcome& first = outcome(delivered_[0]);
        acts_.headers = first.headers;
        acts_.quarantine = first.quarantine;
        acts_.body = first.body;
        for (const std::size_t i : delivered_) {
            if (same_message(first, outcome(i)))
                continue;
            acts_.differ = true;
            acts_.notes.push_back(copies_[i].rcpt +
                                  " wants another message; what not all want "
                                  "is left out");
            std::erase_if(acts_.headers, [&](const HeaderEdit& edit) {
                const auto& own = outcome(i).headers;
                return std::find(own.begin(), own.end(), edit) == own.end();
            });
            if (acts_.quarantine != outcome(i).quarantine)
                acts_.quarantine.clear();
            if (acts_.body != outcome(i).body)
                acts_.body.reset();
        }
    }

    /// Who is to have a copy in the end, against who has one now.
    void recipients()
    {
        std::set<std::string> wanted, there;
        std::vector<std::string> targets;
        for (const Copy& copy : copies_)
            there.insert(plain_address(copy.rcpt));
        for (const std::size_t i : delivered_) {
            const SmtpOutcome& own = outcome(i);
            const std::string self = plain_address(copies_[i].rcpt);
            const bool stays =
                !own.redirected && own.verdict != Verdict::discard;
            if (stays && own.folder.empty())
                wanted.insert(self);
            else if (stays)
                targets.push_back(with_folder(self, own.folder));
            targets.insert(targets.end(), own.forwards.begin(),
                           own.forwards.end());
        }
        for (const std::string& target : targets) {
            const std::string address = plain_address(target);
            if (wanted.insert(address).second && !there.contains(address))
                acts_.added.push_back(address);
        }
        for (std::size_t i = 0; i < copies_.size(); ++i)
            if (!wanted.contains(plain_address(copies_[i].rcpt)))
                acts_.removed.push_back(i);
    }

    const std::vector<Copy>& copies_;
    const bool apart_;
    std::vector<std::size_t> refused_, delivered_;
    Acts acts_;
};

}  // namespace

std::string plain_address(const std::string& address)
{
    std::string out = address;
    if (out.size() >= 2 && out.front() == '<' && out.back() == '>')
        out = out.substr(1, out.size() - 2);
    const std::size_t at = out.rfind('@');
    if (at != out.npos)
        std::transform(
            out.begin() + static_cast<std::ptrdiff_t>(at), out.end(),
            out.begin() + static_cast<std::ptrdiff_t>(at), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A'))
                                            : c;
            });
    return out;
}

Acts combine(const std::vector<Copy>& copies, bool apart)
{
    return Combiner{copies, apart}.run();
}

}  // namespace policy::filter
