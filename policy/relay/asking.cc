#include "policy/relay/asking.h"

#include <utility>

#include "policy/map/text.h"

namespace policy::relay {
namespace {

std::string bracketed(const std::string& text)
{
    return "[" + text + "]";
}

}  // namespace

Asking::Asking(const Site& s, const World& w, const Client& c,
               std::string_view mail, Memory* m, std::vector<Why>* trace,
               map::Probes* probes)
    : site{s},
      features{s.features},
      world{w},
      client{c},
      memory{m},
      canonifier{s, w.canonical ? &w.canonical : nullptr, c.daemon_flags, m},
      access_{nullptr, s.features.access, m, probes},
      trace_{trace},
      addr_text_{s.compressed_ipv6 ? c.addr.compressed_sendmail_text()
                                   : c.addr.sendmail_text()},
      mail_{mail},
      addr_{tokens(addr_text_)},
      name_{tokens(c.resolve == Resolve::ok ? c.name : bracketed(addr_text_))},
      ptr_{m}
{
    if (c.resolve == Resolve::forged)
        ptr_ = tokens(c.name);
    if (!s.features.access_db || !w.access)
        return;
    if (auto current = w.access->current())
        snapshot_ = *std::move(current);
    else
        cause_ = current.error().text;
    access_ = {snapshot_.get(), s.features.access, m, probes};
}

const std::string& Asking::sender()
{
    if (!sender_)
        sender_ = canonifier.external(canonifier.canonify(tokens(mail_)));
    return *sender_;
}

Tokens Asking::tokens(std::string_view text) const
{
    return tokenise(text, memory);
}

Tokens Asking::joined_key(TokenSpan a, Token between, TokenSpan b) const
{
    Tokens key{memory};
    key.reserve(a.size() + b.size() + 1);
    key.assign(a.begin(), a.end());
    key.push_back(between);
    key.insert(key.end(), b.begin(), b.end());
    return key;
}

map::Found Asking::find(map::Lookup lookup, TokenSpan key, Token tag,
                        map::Mark mark)
{
    const auto found = access_.find(lookup, key, tag, mark);
    note(found, tag, {{lookup, key}});
    return found;
}

map::Found Asking::search(std::initializer_list<map::Wanted> list, Token tag,
                          map::Mark mark)
{
    const auto found = access_.search(list, tag, mark);
    note(found, tag, list);
    return found;
}

map::Found Asking::one(Token tag, TokenSpan key)
{
    const auto found = access_.one(tag, key);
    note(found, tag, {{map::Lookup::exact, key}});
    return found;
}

void Asking::note(const map::Found& found, Token tag,
                  std::initializer_list<map::Wanted> asked)
{
    if (!trace_)
        return;
    Why why = access_why(found, tag);
    if (found.state == map::Found::State::nothing)
        for (const auto& wanted : asked)
            why.key += (why.key.empty() ? "" : ", ") + joined(wanted.key);
    trace_->push_back(std::move(why));
}

Result<Tokens> Asking::relayers_value(std::string_view key)
{
    Tokens none{memory};
    if (!world.relayers_map)
        return none;
    const auto snapshot = world.relayers_map->current();
    if (!snapshot)
        return fail(snapshot.error());
    const auto text = (*snapshot)->find(map::folded(key));
    if (trace_)
        trace_->push_back({"relay", "relayers", world.relayers_map->name(),
                           std::string{key}, std::string{text.value_or("")}});
    return text ? map::value_tokens(kept(*text, memory), key, memory) : none;
}

Why Asking::access_why(const map::Found& found, Token tag) const
{
    std::string rule = "access";
    if (!tag.empty())
        rule.append(" ").append(tag).append(":");
    return {"relay", std::move(rule),
            world.access ? world.access->name() : std::string{},
            found.full_key(),
            found.state == map::Found::State::failed ? cause_
                                                     : std::string{found.text}};
}

Why Asking::rule(std::string name, std::string key, std::string value) const
{
    return {"relay", std::move(name), "", std::move(key), std::move(value)};
}

Why Asking::local_rule(std::string member) const
{
    return {"relay", "local-host-names", site.local_names_file,
            std::move(member), ""};
}

Why Asking::relay_domains_rule(std::string member) const
{
    return {"relay", "relay-domains", site.relay_domains_file,
            std::move(member), ""};
}

Outcome Asking::map_failed(Token tag) const
{
    map::Found failed;
    failed.state = map::Found::State::failed;
    return refuse(temporary_failure(), access_why(failed, tag));
}

Outcome Asking::act(const map::Found& found, Token tag, TokenSpan rest,
                    bool delimited, Reply reject) const
{
    using Kind = map::Ruling::Kind;
    if (found.value.empty())
        return {};  // `%1` is an empty value: no rule knows it
    auto ruling = map::ruling_of(found.value, rest, delimited, memory);
    Why why = access_why(found, tag);
    switch (ruling.kind) {
        case Kind::accept:
            return {Outcome::Kind::final_ok, {}, std::move(why)};
        case Kind::reject:
            return refuse(std::move(reject), std::move(why));
        case Kind::discard:
            return {Outcome::Kind::discard, {}, std::move(why)};
        case Kind::quarantine:
            return {Outcome::Kind::quarantine, std::move(ruling.reply),
                    std::move(why)};
        case Kind::reply:
            break;
    }
    return refuse(std::move(ruling.reply), std::move(why));
}

Outcome Asking::act_on_nothing(const map::Found& found, Token tag,
                               TokenSpan local, TokenSpan domain,
                               std::string domain_rest) const
{
    const auto at = found.key.find('@');
    std::string text = std::move(domain_rest);
    if (at != npos)
        text = "><" + joined(local) + "@" +
               (at + 1 < found.key.size() ? joined(domain) : "");
    return refuse(map::error_reply("", without_quotes(text)),
                  access_why(found, tag));
}

}  // namespace policy::relay
