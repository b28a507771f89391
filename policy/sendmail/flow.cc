#include "policy/sendmail/flow.h"

#include <algorithm>
#include <cstdlib>

#include "policy/map/class_file.h"
#include "policy/sendmail/macros.h"
#include "policy/sendmail/resolver.h"
#include "policy/sendmail/rewriter.h"
#include "policy/sendmail/rulesets.h"
#include "policy/sendmail/send_queue.h"
#include "policy/sendmail/words.h"

namespace policy::sendmail {
namespace {

std::string value_of(const Cf& cf, std::string_view option,
                     const char* otherwise)
{
    const auto found = cf.option(option);
    return found ? found->value : otherwise;
}

/// Words of the C lines, whose macros are expanded.
void add_lines(const Cf& cf, const Macros& macros, Classes& classes)
{
    for (const auto& line : cf.lines())
        if (const auto [name, words] = named(line.text); line.kind == 'C')
            for (const auto& word : split(macros.expanded(words), blanks))
                classes[std::string{without_braces(name)}].insert(lower(word));
}

Status add_files(const Cf& cf, Classes& classes)
{
    for (const auto& file : cf.class_files()) {
        const auto format = file.format.empty() ? map::ClassFormat::first_word
                                                : map::ClassFormat::all_words;
        const auto words =
            map::read_class_file(file.path, format, file.optional);
        if (!words)
            return fail(words.error());
        for (const auto& word : *words)
            classes[std::string{without_braces(file.name)}].insert(lower(word));
    }
    return {};
}

/// `CR$={VirtHost}`: words of another class.
void add_classes(Classes& classes)
{
    const auto named = classes;
    for (const auto& [name, words] : named)
        for (const auto& word : words)
            if (word.starts_with("$="))
                for (const auto& [other, members] : named)
                    if (lower(other) ==
                        without_braces(std::string_view{word}.substr(2)))
                        classes[name].insert(members.begin(), members.end());
}

/// What sendmail puts into class w of its own.
void add_own_names(const Macros& macros, const FlowWorld& world,
                   Classes& classes)
{
    auto& own = classes["w"];
    for (const auto& name : {macros.value("w"), macros.expanded("$j"),
                             world.host_name, std::string{"localhost"}})
        own.insert(lower(name));
    for (const auto& name : world.own_names)
        own.insert(lower(name));
}

bool is_number(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// DefaultUser: `user`, `user:group`, names or numbers; 1:1 if it is not set.
Account default_user(const Cf& cf, const FlowWorld& world)
{
    const auto text = value_of(cf, "DefaultUser", "1:1");
    const auto colon = std::min(text.find_first_of(":."), text.size());
    const auto name = text.substr(0, colon), group = text.substr(colon);
    Account account{name, "", 1, 1};
    if (is_number(name))
        account.uid = static_cast<uid_t>(std::atol(name.c_str()));
    else if (const auto found = world.account(name))
        account = *found;
    if (group.size() > 1 && is_number(group.substr(1)))
        account.gid = static_cast<gid_t>(std::atol(group.c_str() + 1));
    return account;
}

QueueSettings settings_of(const Cf& cf, const FlowWorld& world)
{
    QueueSettings settings;
    settings.aliases = cf.aliases();
    settings.default_user = default_user(cf, world);
    settings.forward_path = value_of(cf, "ForwardPath", "$z/.forward");
    if (const auto most = cf.option("MaxAliasRecursion"))
        settings.most_expansions = std::atoi(most->value.c_str());
    const auto user = value_of(cf, "RunAsUser", "");
    settings.blame = lower(value_of(cf, "DontBlameSendmail", ""));
    settings.unsafe =
        !user.empty() && user != "root" &&
        settings.blame.find("nonrootsafeaddr") == std::string::npos;
    return settings;
}

/// Names as the administrator knows them.
std::string stage_of(const Map& map, const std::string& key)
{
    if (map.name == "aliases")
        return key.starts_with("owner-") ? "owner" : "aliases";
    return map.name == "virtuser" ? "virtusertable" : map.name;
}

}  // namespace

/// All of one sendmail.cf, each part made of those before it.
struct Router::Parts {
    Parts(const Cf& cf, FlowWorld given)
        : world{std::move(given)},
          settings{settings_of(cf, world)},
          macros{cf, world.host_name},
          rulesets{cf, macros},
          lookups{cf, world, [this](const Found& found) { seen(found); }},
          rewriter{rulesets, classes, lookups, macros,
                   value_of(cf, "BlankSub", " ")[0]},
          resolver{cf, rewriter, macros}
    {
    }

    void seen(const Found& found)
    {
        flow.steps.push_back({stage_of(found.map, found.key), found.map.path,
                              found.key, found.value});
    }

    FlowWorld world;
    QueueSettings settings;
    Macros macros;
    Rulesets rulesets;
    Classes classes;
    Lookups lookups;
    Rewriter rewriter;
    Resolver resolver;
    Flow flow;  ///< of the present question
};

Router::Router(std::unique_ptr<Parts> parts) : parts_{std::move(parts)} {}
Router::Router(Router&& other) noexcept = default;
Router::~Router() = default;

Result<Router> Router::make(const Cf& cf, FlowWorld world)
{
    auto parts = std::make_unique<Parts>(cf, std::move(world));
    add_lines(cf, parts->macros, parts->classes);
    if (const auto read = add_files(cf, parts->classes); !read)
        return fail(read.error());
    add_classes(parts->classes);
    add_own_names(parts->macros, parts->world, parts->classes);
    return Router{std::move(parts)};
}

Result<Flow> Router::route(std::string_view address) const
{
    parts_->flow = {};
    auto macros = parts_->macros;  // what rules set is for one address
    SendQueue queue{parts_->settings, parts_->world,  parts_->lookups,
                    parts_->resolver, parts_->macros, parts_->flow};
    const auto done = queue.send(address);
    parts_->macros = std::move(macros);
    if (!done)
        return fail(done.error());
    return std::move(parts_->flow);
}

}  // namespace policy::sendmail
