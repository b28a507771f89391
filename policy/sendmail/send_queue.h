// Everybody whom one recipient stands for: aliases, lists and .forward files
// followed to their ends.  Source: recipient.c and alias.c of sendmail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/sendmail/flow.h"
#include "policy/sendmail/macros.h"
#include "policy/sendmail/resolver.h"

namespace policy::sendmail {

/// What of a sendmail.cf the queue needs, beside the rulesets.
struct QueueSettings {
    std::vector<Map> aliases;
    std::string forward_path;
    int most_expansions = 10;  ///< MaxAliasRecursion
    std::string blame;         ///< DontBlameSendmail, in small letters
    Account default_user{};    ///< by whose rights lists are read: DefaultUser
    /// sendmail does not run as root: no programs, no files.
    bool unsafe = false;
};

/// For one question.  All arguments are kept by reference.
class SendQueue {
public:
    SendQueue(const QueueSettings& settings, const FlowWorld& world,
              const Lookups& lookups, const Resolver& resolver, Macros& macros,
              Flow& flow);

    /// Follows an address; where it ends is added to the flow.
    Status send(std::string_view address);

private:
    enum class State {
        ok,
        bad,
        gone,  ///< others have taken its place
    };

    /// An address on its way.
    struct Entry {
        Target to;
        std::string given;  ///< as it was written
        State state = State::ok;
        int parent = -1;  ///< who named it, an index of the queue
        bool primary = false;
        bool known = false;           ///< has been through all of this
        bool self_reference = false;  ///< named by those whom it names
        bool bad_shell = false;
        bool unsafe = false;
        std::string account;  ///< who runs its programs
    };
    using Index = std::size_t;

    Result<int> send_to(std::string_view list, int parent, int level);
    Status recipient(Entry entry, int level);
    Status expand(Index at, int level);
    bool duplicate(const Entry& entry);
    int loops_to(const Entry& entry) const;
    bool is_mailbox(const Entry& entry) const;
    void refuse_direct(Entry& entry);
    Status special(Index at, int level);
    Result<bool> alias(Index at, int level);
    Result<std::optional<Found>> look_up(const std::string& name,
                                         const std::string& host) const;
    Status ruleset5(Index at, int level);
    Status login(Index at, bool quoted, int level);
    Status forward(Index at, const Account& account, int level);
    Result<bool> include(const std::string& path, const Account* owner,
                         Index at, int level);
    std::string refusal(const AddressFile& file, const Account* owner) const;
    bool blamed(const std::string& word) const;
    void last_resort(Index at);

    void step(std::string stage, std::string source, std::string key,
              std::string value);
    void bounce(Entry& entry, const std::string& text);
    void finish();

    const QueueSettings& settings_;
    const FlowWorld& world_;
    const Lookups& lookups_;
    const Resolver& resolver_;
    Macros& macros_;
    Flow& flow_;
    std::vector<Entry> queue_;
};

}  // namespace policy::sendmail
