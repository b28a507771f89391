#include "milters/filter/layers.h"

#include <pwd.h>

#include <algorithm>
#include <optional>

#include "policy/filter/combine.h"
#include "policy/map/text.h"
#include "policy/readings.h"

namespace milters::filter {
namespace {

using policy::filter::RcFiles;
using policy::filter::RcRules;
using policy::recipe::Scope;

/// Whether it can be a part of a path: the client chose it.
bool is_safe(const std::string& name)
{
    return !name.empty() && name[0] != '.' && name[0] != '-' &&
           name.size() <= 128 &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '_' || c == '-';
           });
}

std::string filled_in(const std::string& pattern, const Person& person)
{
    std::string out;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '%' || i + 1 == pattern.size()) {
            out += pattern[i];
            continue;
        }
        out += pattern[++i] == 'u' ? person.user : person.domain;
    }
    return out;
}

/// uid, gid and home of a user of this host.
struct Owner {
    uid_t uid;
    gid_t gid;
    std::string home;
};

std::optional<Owner> owner_of(const std::string& user)
{
    std::vector<char> room(16 * 1024);
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwnam_r(user.c_str(), &entry, room.data(), room.size(), &found) !=
            0 ||
        !found)
        return std::nullopt;
    return Owner{entry.pw_uid, entry.pw_gid, entry.pw_dir};
}

class Finder {
public:
    explicit Finder(const Runtime& runtime) : runtime_{runtime} {}

    Layers find(const Person& person)
    {
        Layers out;
        out.home = "/home/" + person.user;
        const auto& filter = runtime_.filter();
        add(out, filter.site_rc, {}, filter.site_rc_given);
        if (!filter.domain_rc.empty() && is_safe(person.domain)) {
            RcRules rules;
            rules.scope = Scope::domain;
            add(out, filled_in(filter.domain_rc, person), rules, false);
        }
        if (!filter.user_rc.empty() && has_recipes(person))
            add_user(out, person);
        return out;
    }

private:
    bool has_recipes(const Person& person) const
    {
        return is_safe(person.user) &&
               (person.domain.empty() ||
                (is_safe(person.domain) &&
                 runtime_.user_domains.contains(person.domain)));
    }

    RcFiles::Got add(Layers& out, const std::string& path, const RcRules& rules,
                     bool needed)
    {
        RcFiles::Got got = runtime_.files->get(path, rules);
        if (got.state == RcFiles::Got::State::usable) {
            out.layers.push_back({got.plan, path, rules.scope});
        } else if (needed || (got.state == RcFiles::Got::State::broken &&
                              rules.scope != Scope::user)) {
            out.waits = true;
            out.broken = path;
        }
        return got;
    }

    void add_user(Layers& out, const Person& person)
    {
        const std::string path = filled_in(runtime_.filter().user_rc, person);
        RcRules rules;
        rules.scope = Scope::user;
        if (const auto owner = owner_of(person.user)) {
            rules.owner = owner->uid;
            if (owner->gid == owner->uid)
                rules.group = owner->gid;
            out.home = owner->home;
        }
        const auto got = add(out, path, rules, false);
        out.user_rc = path;
        out.user_dir = path.substr(0, path.rfind('/') + 1);
        out.user_owner = got.owner;
        if (got.state == RcFiles::Got::State::broken &&
            runtime_.filter().broken_user_waits) {
            out.waits = true;
            out.broken = path;
        }
    }

    const Runtime& runtime_;
};

}  // namespace

Person person_of(const std::string& rcpt)
{
    Person out;
    out.address = policy::filter::plain_address(rcpt);
    const std::string leads_to =
        policy::map::folded(policy::readings(rcpt).back());
    const std::size_t at = leads_to.rfind('@');
    const std::string local = leads_to.substr(0, at);
    out.user = local.substr(0, local.find('+'));
    if (at != leads_to.npos)
        out.domain = leads_to.substr(at + 1);
    return out;
}

Layers layers_of(const Runtime& runtime, const Person& person)
{
    return Finder{runtime}.find(person);
}

}  // namespace milters::filter
