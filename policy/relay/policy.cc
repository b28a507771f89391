#include "policy/relay/policy.h"

#include <algorithm>

#include "policy/map/text.h"

namespace policy::relay {
namespace {

bool ends_with_label(std::string_view name, std::string_view suffix)
{
    return name == suffix ||
           (name.size() > suffix.size() && name.ends_with(suffix) &&
            name[name.size() - suffix.size() - 1] == '.');
}

/// The domain of `<user@domain>`, folded; empty if there is none.
std::string domain_of(std::string_view path)
{
    if (path.starts_with('<'))
        path.remove_prefix(1);
    if (path.ends_with('>'))
        path.remove_suffix(1);
    const auto at = path.rfind('@');
    return at == path.npos ? std::string{} : map::folded(path.substr(at + 1));
}

class SimplePolicy final : public Policy {
public:
    SimplePolicy(Settings settings, World world)
        : settings_{std::move(settings)}, world_{std::move(world)}
    {
    }

    Decision connect(const Client& client) const override
    {
        return judged(Stage::connect, "access Connect:", "connect",
                      client.addr.map_key(), client.name);
    }
    Decision mail(const Client& /*client*/,
                  std::string_view mail) const override
    {
        return judged(Stage::mail, "access From:", "from", "", domain_of(mail));
    }
    Decision rcpt(const Client& client, std::string_view mail,
                  std::string_view rcpt) const override;

private:
    struct Hit {
        bool failed = false;
        std::string key, value;
    };
    Hit look_up(const std::string& tag, std::string key, char joint) const;
    Decision judged(Stage stage, const char* rule, const std::string& tag,
                    const std::string& addr, const std::string& name) const;

    Settings settings_;
    World world_;
};

Decision accept(Why why, bool relay)
{
    Decision d;
    d.relay = relay;
    d.why = std::move(why);
    d.trace.push_back(d.why);
    return d;
}

Decision refuse(Stage stage, Reply reply, Why why)
{
    Decision d;
    d.verdict = reply.code < 500 ? Verdict::tempfail : Verdict::reject;
    d.stage = stage;
    d.reply = std::move(reply);
    d.why = std::move(why);
    d.trace.push_back(d.why);
    return d;
}

/// The nearest entry for a name (joint '.', first label dropped) or an
/// address (last part dropped), with and without the tag.
SimplePolicy::Hit SimplePolicy::look_up(const std::string& tag, std::string key,
                                        char joint) const
{
    if (!world_.access || key.empty())
        return {};
    const auto snapshot = world_.access->current();
    if (!snapshot)
        return {true, {}, snapshot.error().text};
    const bool address =
        joint != '.' || key.find_first_not_of("0123456789.") == key.npos;
    while (true) {
        for (const auto& k : {tag + ":" + key, key})
            if (const auto value = (*snapshot)->find(k))
                return {false, k, map::folded(*value)};
        const auto cut = address ? key.find_last_of(".:") : key.find('.');
        if (cut == key.npos)
            return {};
        key = address ? key.substr(0, cut) : key.substr(cut + 1);
    }
}

Decision SimplePolicy::judged(Stage stage, const char* rule,
                              const std::string& tag, const std::string& addr,
                              const std::string& name) const
{
    Hit hit = look_up(tag, name, '.');
    if (hit.value.empty() && !addr.empty())
        hit = look_up(tag, addr, addr.find(':') == addr.npos ? '.' : ':');
    Why why{"relay", rule, world_.access ? world_.access->name() : "", hit.key,
            hit.value};
    if (hit.failed)
        return refuse(stage, temporary_failure(), why);
    if (hit.value == "reject")
        return refuse(stage, {550, "5.7.1", "Access denied"}, why);
    return accept(why, false);
}

Decision SimplePolicy::rcpt(const Client& client, std::string_view /*mail*/,
                            std::string_view rcpt) const
{
    const std::string domain = domain_of(rcpt);
    if (domain.empty() || settings_.local_host_names.count(domain))
        return accept({"relay", "local-host-names", "", domain, ""}, true);
    for (const auto& r : settings_.relay_domains)
        if (ends_with_label(domain, r) || client.addr.map_key().starts_with(r))
            return accept({"relay", "relay-domains", "", r, ""}, true);
    if (settings_.trust_auth_mech.count(client.auth_type))
        return accept({"relay", "SMTP AUTH", "", client.auth_authen, ""}, true);
    if (client.addr.is_loopback())
        return accept({"relay", "loopback", "", client.addr.text(), ""}, true);
    for (const auto& hit :
         {look_up("to", domain, '.'),
          look_up("connect", client.addr.map_key(),
                  client.addr.kind() == ClientAddr::Kind::v6 ? ':' : '.')}) {
        Why why{"relay", "access", world_.access ? world_.access->name() : "",
                hit.key, hit.value};
        if (hit.failed)
            return refuse(Stage::rcpt, temporary_failure(), why);
        if (hit.value == "relay")
            return accept(why, true);
    }
    if (world_.relayers && client.addr.is_ip()) {
        const auto grant = world_.relayers->find(client.addr);
        if (!grant)
            return refuse(Stage::rcpt, temporary_failure(),
                          {"relay", "relayers", "", "", grant.error().text});
        if (*grant && standing(**grant, world_.clock(), world_.window) ==
                          relayers::Standing::valid)
            return accept({"relay", "relayers", "", (*grant)->network.text(),
                           (*grant)->user},
                          true);
    }
    return refuse(Stage::rcpt, {550, "5.7.1", "Relaying denied"},
                  {"relay", "default", "", "", ""});
}

}  // namespace

Result<std::shared_ptr<const Policy>> Policy::make(Settings settings,
                                                   World world)
{
    return std::make_shared<const SimplePolicy>(std::move(settings),
                                                std::move(world));
}

}  // namespace policy::relay
