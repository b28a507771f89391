// One way through maps, files and users.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "policy/sendmail/flow.h"
#include "policy/sendmail/recipient.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
/// Collects what becomes of one address.
class Router::Walk {
public:
    explicit Walk(const Router& router) : r_{router} {}

    Status address(std::string_view text, std::vector<std::string> chain)
    {
        const auto word = std::string{trimmed(text)};
        if (word.starts_with(":include:"))
            return include(word.substr(9), chain);
        if (word.starts_with('|'))
            return end({"prog", "", word, ""});
        if (word.starts_with('/'))
            return end({"*file*", "", word, ""});
        if (word.starts_with('\\'))
            return local(lower(unquoted(word.substr(1))), chain, false);
        const auto parts = parted(word);
        if (parts.domain.empty())
            return local(lower(unquoted(parts.user)), chain, true);
        if (!r_.local_.contains(parts.domain) &&
            !r_.virt_.contains(parts.domain))
            return remote(parts);
        return virtual_user(parts, chain);
    }

    Flow flow;

private:
    using Chain = std::vector<std::string>;

    void step(std::string stage, std::string source, std::string key,
              std::string value)
    {
        flow.steps.push_back({std::move(stage), std::move(source),
                              std::move(key), std::move(value)});
    }

    Status end(Delivery delivery)
    {
        if (delivery.mailer == "error")
            step("bounce", "", delivery.user, delivery.text);
        flow.deliveries.insert(std::move(delivery));
        return {};
    }

    /// The value of a key, folded; nullopt if there is none.
    Result<std::optional<std::string>> look_up(const Map& map,
                                               const std::string& key) const
    {
        auto snapshot = r_.world_.open(map.path, map.optional)->current();
        if (!snapshot)
            return fail(snapshot.error());
        const auto found = (*snapshot)->find(lower(key));
        return found ? std::optional{std::string{*found}} : std::nullopt;
    }

    /// Keys of virtusertable in the order of Parse1, with what %1, %2 and %3
    /// stand for.
    static std::vector<std::pair<std::string, Chain>> virtual_keys(
        const Address& a)
    {
        const auto at = "@" + a.domain;
        std::vector<std::pair<std::string, Chain>> keys{
            {a.user + at, {a.user}}};
        const auto base = before_plus(a.user);
        const auto detail = detail_of(a.user);
        if (base != a.user) {
            const Chain parts{base, detail, "+" + detail};
            if (!detail.empty())
                keys.push_back({base + "++" + at, parts});
            keys.push_back({base + "+*" + at, parts});
            keys.push_back({base + at, parts});
            if (!detail.empty())
                keys.push_back({"++" + at, parts});
            keys.push_back({"+*" + at, parts});
            keys.push_back({at, parts});
        } else {
            keys.push_back({at, {a.user}});
        }
        return keys;
    }

    Status virtual_user(const Address& a, Chain chain)
    {
        const auto table = r_.map_called("virtuser");
        if (!table)
            return no_virtual_user(a, std::move(chain));
        for (const auto& [key, arguments] : virtual_keys(a)) {
            const auto found = look_up(*table, key);
            if (!found)
                return fail(found.error());
            if (!*found)
                continue;
            const auto value = filled(**found, arguments);
            step("virtusertable", table->path, key, value);
            if (value.starts_with("error:"))
                return end({"error", "", a.user + "@" + a.domain,
                            error_text(value.substr(6))});
            return again("virtusertable " + key, value, std::move(chain));
        }
        return no_virtual_user(a, std::move(chain));
    }

    Status no_virtual_user(const Address& a, Chain chain)
    {
        if (!r_.local_.contains(a.domain))
            return remote(a);
        // The percent hack: the rest is the address.
        const auto user = unquoted(a.user);
        if (const auto percent = a.user.rfind('%'); percent != a.user.npos)
            return address(
                a.user.substr(0, percent) + "@" + a.user.substr(percent + 1),
                std::move(chain));
        return local(lower(user), std::move(chain), true);
    }

    /// Goes on with what a map has put in the place of an address.
    Status again(const std::string& name, const std::string& value, Chain chain)
    {
        if (chain.size() > r_.most_expansions_)
            return loop(name);
        chain.push_back(name);
        return address(value, std::move(chain));
    }

    Status loop(const std::string& name)
    {
        return end({"error", "", name, "aliasing/forwarding loop broken"});
    }

    /// A name of this host.
    /// @param aliased  false: \name, which no alias and no .forward changes
    Status local(const std::string& name, Chain chain, bool aliased)
    {
        const bool itself = !chain.empty() && chain.back() == name;
        if (aliased && !itself) {
            if (std::find(chain.begin(), chain.end(), name) != chain.end() ||
                chain.size() > r_.most_expansions_)
                return loop(name);
            for (const auto& key : alias_keys(name)) {
                const auto done = alias(key, name, chain);
                if (!done)
                    return fail(done.error());
                if (*done)
                    return {};
            }
        }
        return user(name, std::move(chain), aliased, aliased && !itself);
    }

    static Chain alias_keys(const std::string& name)
    {
        const auto base = before_plus(name);
        return base == name ? Chain{name} : Chain{name, base + "+*", base};
    }

    /// Whether there is such an alias; all that it names is followed.
    Result<bool> alias(const std::string& key, const std::string& name,
                       const Chain& chain)
    {
        for (const auto& map : r_.aliases_) {
            const auto found = look_up(map, key);
            if (!found)
                return fail(found.error());
            if (!*found)
                continue;
            step("aliases", map.path, key, **found);
            // An alias of a name with a detail speaks of the name.
            const auto own = key == name ? name : before_plus(name);
            if (const auto all = each(**found, own, chain); !all)
                return fail(all.error());
            return true;
        }
        return false;
    }

    Status each(std::string_view list, const std::string& name, Chain chain)
    {
        chain.push_back(name);
        for (const auto& one : address_list(list))
            if (const auto done = address(one, chain); !done)
                return done;
        return {};
    }

    Status include(const std::string& path, const Chain& chain)
    {
        errno = 0;
        const auto text = r_.world_.read(path, nullptr);
        if (!text)
            return end({"error", "", ":include:" + path,
                        "Cannot open " + path + ": " +
                            std::strerror(errno ? errno : ENOENT)});
        step("include", path, path, "");
        return each(*text, ":include:" + path, chain);
    }

    bool has_flag(char flag) const
    {
        return r_.local_flags_.find(flag) != std::string::npos;
    }

    /// @param hooked     LUSER_RELAY and MAIL_HUB are asked
    /// @param forwarded  the user's .forward is
    Status user(const std::string& name, Chain chain, bool hooked,
                bool forwarded)
    {
        const auto base = before_plus(name);
        const auto detail = detail_of(name);
        const auto account = r_.world_.account(base);
        const bool asked = hooked && has_flag('5');
        if (!r_.hub_.empty() && asked)
            return relayed("hub", r_.hub_, name);
        if (!account && !r_.catch_all_.empty() && asked)
            return relayed("catchall", r_.catch_all_, name);
        if (!account && has_flag('w'))
            return end({"error", "", name, "User unknown"});
        if (!account)
            return mailbox(base, detail, "not looked for");
        // Without the flag w sendmail does not look for the user's home.
        if (forwarded && has_flag('w')) {
            const auto done = forward(*account, detail, chain);
            if (!done || *done)
                return done ? Status{} : fail(done.error());
        }
        return mailbox(base, detail, account->home);
    }

    Status mailbox(const std::string& name, const std::string& detail,
                   const std::string& home)
    {
        step("user", "", name, home);
        return end({"local", detail, name, ""});
    }

    /// LUSER_RELAY and MAIL_HUB: `local:name`, `error:...`, `mailer:host`.
    Status relayed(const std::string& stage, const std::string& where,
                   const std::string& name)
    {
        step(stage, "", name, where);
        if (where.starts_with("error:"))
            return end({"error", "", name, error_text(where.substr(6))});
        if (where.starts_with("local:"))
            return caught(lower(where.substr(6)), name);
        const auto [mailer, host] = mailer_and_host(where, "relay");
        const auto at = host.find('@');
        return end({mailer, at == host.npos ? host : host.substr(at + 1),
                    at == host.npos ? name + "@" + host : host, ""});
    }

    /// LUSER_RELAY, `local:name`: that user, with who was meant as the host.
    Status caught(const std::string& name, const std::string& meant)
    {
        const auto account = r_.world_.account(name);
        if (!account && has_flag('w'))
            return end({"error", "", name, "User unknown"});
        return mailbox(name, meant, account ? account->home : "");
    }

    /// $z, $u, $h and $w of ForwardPath.
    std::string expanded(std::string path, const Account& account,
                         const std::string& detail) const
    {
        const std::pair<const char*, std::string> macros[] = {
            {"$z", account.home},
            {"$u", account.name},
            {"$h", detail},
            {"$w", r_.short_name_}};
        for (const auto& [macro, value] : macros)
            for (auto at = path.find(macro); at != path.npos;
                 at = path.find(macro, at + value.size()))
                path.replace(at, 2, value);
        return path;
    }

    /// Whether the user has a .forward; all that it names is followed.
    Result<bool> forward(const Account& account, const std::string& detail,
                         const Chain& chain)
    {
        for (const auto& pattern : split(r_.forward_path_, ":")) {
            const auto path = expanded(pattern, account, detail);
            const auto text = r_.world_.read(path, &account);
            if (!text || address_list(*text).empty())
                continue;
            std::string value;
            for (const auto& one : address_list(*text))
                value += (value.empty() ? "" : ", ") + one;
            step("forward", path, account.name, value);
            if (const auto all = each(*text, account.name, chain); !all)
                return fail(all.error());
            return true;
        }
        return false;
    }

    /// Keys of mailertable: the domain, then what is above it, then a dot.
    static Chain mailer_keys(const std::string& domain)
    {
        Chain keys{domain};
        for (auto dot = domain.find('.'); dot != domain.npos;
             dot = domain.find('.', dot + 1))
            keys.push_back(domain.substr(dot));
        keys.emplace_back(".");
        return keys;
    }

    Status remote(const Address& a)
    {
        const auto whole = a.user + "@" + a.domain;
        const auto table = r_.map_called("mailertable");
        for (const auto& key : table ? mailer_keys(a.domain) : Chain{}) {
            const auto found = look_up(*table, key);
            if (!found)
                return fail(found.error());
            if (!*found)
                continue;
            step("mailertable", table->path, key, **found);
            return by_mailer(**found, whole);
        }
        if (!r_.smart_host_.empty())
            return by_mailer(r_.smart_host_, whole);
        step("remote", "", whole, a.domain);
        return end({"esmtp", a.domain, whole, ""});
    }

    Status by_mailer(const std::string& where, const std::string& whole)
    {
        if (where.starts_with("error:"))
            return end({"error", "", whole, error_text(where.substr(6))});
        const auto [mailer, host] = mailer_and_host(where, "relay");
        step("remote", "", whole, where);
        return end({mailer, host, whole, ""});
    }

    const Router& r_;
};

Result<Flow> Router::route(std::string_view address) const
{
    Walk walk{*this};
    if (const auto done = walk.address(address, {}); !done)
        return fail(done.error());
    return std::move(walk.flow);
}

}  // namespace policy::sendmail
