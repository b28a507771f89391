// What becomes of a recipient that sendmail has accepted: virtusertable,
// aliases, .forward, the user, the catch-all, or a bounce.  Source: proto.m4
// (rulesets Parse1 and localaddr), alias.c and recipient.c of sendmail.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/map.h"
#include "policy/sendmail/cf.h"

namespace policy::sendmail {

/// One step on the way, and what said so.
struct Step {
    std::string stage;   ///< virtusertable, aliases, include, forward, user,
                         ///< catchall, mailertable, remote, bounce
    std::string source;  ///< path of the map or file; empty: none
    std::string key;
    std::string value;
};

/// Where a copy ends.
struct Delivery {
    std::string mailer;  ///< as `sendmail -bv` has it: local, prog, *file*,
                         ///< esmtp, relay; `error`: it comes back
    std::string host;    ///< without the dot at its end
    std::string user;    ///< user, path, command, or address
    std::string text;    ///< of an error

    friend auto operator<=>(const Delivery&, const Delivery&) = default;
};

struct Flow {
    std::vector<Step> steps;
    std::set<Delivery> deliveries;
};

/// A user of the host.
struct Account {
    std::string name;
    std::string home;
    uid_t uid = 0;
};

/// What is asked of the host, so that tests can answer.
struct FlowWorld {
    std::function<std::optional<Account>(const std::string& name)> account;
    /// Text of a .forward or :include: file; nullopt if there is none.
    /// @param owner  who must own it, beside root; null: anybody
    std::function<std::optional<std::string>(const std::string& path,
                                             const Account* owner)>
        read;
    std::function<std::unique_ptr<map::Source>(const std::string& path,
                                               bool optional)>
        open = map::open_file;
    std::string host_name;  ///< for $w and $j where the .cf has neither
};

/// The files and the users of this host.
FlowWorld this_host();

/// The way of mail by one sendmail.cf.  Its maps are read as they are at each
/// question.  Not for use by two threads.
class Router {
public:
    /// Errc::io where a class file cannot be read.
    static Result<Router> make(const Cf& cf, FlowWorld world);

    /// Whether sendmail delivers, or rewrites, mail for this address itself.
    bool is_ours(std::string_view address) const;

    /// An error where a map cannot be read: sendmail would wait.
    Result<Flow> route(std::string_view address) const;

private:
    class Walk;
    Router(const Cf& cf, FlowWorld world);

    std::optional<Map> map_called(std::string_view name) const;

    FlowWorld world_;
    std::vector<Map> maps_;
    std::vector<Map> aliases_;
    std::set<std::string> local_;  ///< class w
    std::set<std::string> virt_;   ///< class VirtHost
    std::string forward_path_;
    std::string short_name_;            ///< $w
    std::string catch_all_;             ///< LUSER_RELAY
    std::string hub_;                   ///< MAIL_HUB
    std::string smart_host_;            ///< SMART_HOST
    std::string local_flags_;           ///< F= of the local mailer
    std::size_t most_expansions_ = 10;  ///< MaxAliasRecursion
};

/// The addresses of an alias, a .forward or an :include: file: divided by
/// commas or ends of lines, quotes kept together and taken off, remarks left
/// out.  Pure.
std::vector<std::string> address_list(std::string_view text);

}  // namespace policy::sendmail
