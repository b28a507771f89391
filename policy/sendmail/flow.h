// What becomes of a recipient that sendmail has accepted: virtusertable,
// aliases, .forward, the user, the catch-all, another host, or a bounce.  The
// rulesets of the sendmail.cf are applied as they stand, so that every
// FEATURE and every rule of the administrator counts.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sendmail/cf.h"
#include "policy/sendmail/lookups.h"

namespace policy::sendmail {

/// One step on the way, and what said so.
struct Step {
    std::string stage;   ///< virtusertable, aliases, owner, include, forward,
                         ///< user, catchall, hub, relay, remote, bounce; or
                         ///< the name of another map: mailertable, domaintable
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

/// A .forward or :include: file, and who could change it.
struct AddressFile {
    std::optional<std::string> text;
    std::string error;  ///< why there is no text
    bool group_writable = false;
    bool world_writable = false;
    /// A folder above it may be written by others, as sendmail says it: "World
    /// writable directory"; empty: none.
    std::string unsafe_folder;
    /// Such a folder is sticky, as /tmp.
    bool sticky_folder = false;
    uid_t uid = 0;
    std::string owner;     ///< empty: a uid without a name
    bool shell_ok = true;  ///< of the owner
};

/// What is asked of the host, so that tests can answer.
struct FlowWorld : LookupWorld {
    /// @param reader  by whose rights
    std::function<AddressFile(const std::string& path, const Account& reader)>
        read;
    std::string host_name;
    /// Names and `[addresses]` of the host, beside what the .cf says.
    std::set<std::string> own_names;
};

/// The files and the users of this host.
FlowWorld this_host();

/// The way of mail by one sendmail.cf.  Its maps are read as they are at each
/// question.  Not for use by two threads.
class Router {
public:
    /// Errc::io where a class file cannot be read.
    static Result<Router> make(const Cf& cf, FlowWorld world);

    Router(Router&& other) noexcept;
    ~Router();

    /// An error where a map cannot be read: sendmail would wait; or where the
    /// rules ask a map of a kind that is not followed.
    Result<Flow> route(std::string_view address) const;

private:
    struct Parts;
    explicit Router(std::unique_ptr<Parts> parts);

    std::unique_ptr<Parts> parts_;
};

/// The addresses of an alias or of a line of a .forward file, divided by
/// commas that stand in no quotes, brackets or remarks.  Pure.
std::vector<std::string> address_list(std::string_view text);

}  // namespace policy::sendmail
