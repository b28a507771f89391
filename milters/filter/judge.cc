#include "milters/filter/judge.h"

#include <pwd.h>

#include <algorithm>

#include "milters/filter/launcher.h"
#include "policy/filter/by_access.h"

namespace milters::filter {
namespace {

using policy::filter::Copy;
using policy::filter::RcFiles;
using policy::filter::RcRules;
using policy::filter::SmtpOutcome;
using policy::recipe::Layer;
using policy::recipe::Plan;
using policy::recipe::Scope;
using Steady = std::chrono::steady_clock;

/// A recipient's name in the parts that rc files go by.
struct Person {
    std::string address;  ///< without brackets, domain in lower case
    std::string user;     ///< lower case, without +detail
    std::string domain;   ///< lower case
};

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return text;
}

Person person_of(const std::string& rcpt)
{
    Person out;
    out.address = policy::filter::plain_address(rcpt);
    const std::size_t at = out.address.rfind('@');
    const std::string local = lower(out.address.substr(0, at));
    out.user = local.substr(0, local.find('+'));
    if (at != out.address.npos)
        out.domain = lower(out.address.substr(at + 1));
    return out;
}

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

/// The layers of one recipient, and whose files they are.
struct Layers {
    std::vector<Layer> layers;
    std::string user_dir;  ///< folder of the user's file
    uid_t user_owner = 0;  ///< of the user's file
    std::string home;
    bool waits = false;  ///< a file that is needed is broken
    std::string broken;  ///< its path
};

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

/// The host, as the recipes of one recipient may see it.
class Host : public policy::recipe::World {
public:
    Host(const Runtime& runtime, const Layers& layers, const Person& person,
         Judgement& judgement)
        : runtime_{runtime},
          layers_{layers},
          person_{person},
          judgement_{judgement}
    {
    }

    std::shared_ptr<const Plan> rc_file(const std::string&,
                                        const std::string& full,
                                        Scope scope) override
    {
        RcRules rules;
        rules.scope = scope;
        rules.beneath = runtime_.filter().include_dir;
        if (scope == Scope::user) {
            rules.beneath = layers_.user_dir;
            rules.owner = layers_.user_owner;
            rules.strictly_owner = true;
        }
        return runtime_.files->get(full, rules).plan;
    }

    policy::recipe::ProgramResult run_program(
        const std::vector<std::string>& words, std::string_view input) override
    {
        if (!runtime_.launcher)
            return {127, {}, words[0] + ": the milter was started without it"};
        return runtime_.launcher->run(words, input,
                                      runtime_.filter().program_time);
    }

    policy::Result<std::optional<std::string>> lookup(
        const std::string& map, const std::string& key) override
    {
        return runtime_.lookups->find(map, key);
    }

    bool seen_before(const std::string& name, const std::string& id,
                     Scope scope) override
    {
        const std::string cache =
            (scope == Scope::user ? person_.address : "") + '\0' + name;
        if (runtime_.seen->contains(cache, id))
            return true;
        judgement_.seen.emplace_back(cache, id);
        return false;
    }

private:
    const Runtime& runtime_;
    const Layers& layers_;
    const Person& person_;
    Judgement& judgement_;
};

/// Limits of time: one for the user, one for all.
class Time {
public:
    Time(const policy::config::Filter& filter, Steady::time_point start)
        : all_{start + filter.time}, for_user_{filter.user_time}
    {
    }

    bool late(Scope scope)
    {
        const auto now = Steady::now();
        if (scope == Scope::user && !user_)
            user_ = now + for_user_;
        return now > all_ || (scope == Scope::user && now > *user_);
    }

private:
    Steady::time_point all_;
    std::chrono::milliseconds for_user_;
    std::optional<Steady::time_point> user_;
};

class Judge {
public:
    Judge(const Runtime& runtime, const Letter& letter)
        : runtime_{runtime}, letter_{letter}, start_{Steady::now()}
    {
    }

    Judgement run()
    {
        Finder finder{runtime_};
        for (std::size_t i = 0; i < letter_.rcpts.size(); ++i) {
            const std::string& rcpt = letter_.rcpts[i];
            if (const auto& ruling = letter_.access[i]) {
                out_.copies.push_back(
                    {rcpt, policy::filter::by_access(*ruling)});
                continue;
            }
            const Person person = person_of(rcpt);
            out_.copies.push_back({rcpt, one(person, finder.find(person))});
        }
        return std::move(out_);
    }

private:
    SmtpOutcome one(const Person& person, const Layers& layers)
    {
        if (layers.waits) {
            SmtpOutcome waits;
            waits.verdict = policy::Verdict::tempfail;
            waits.reply = policy::temporary_failure();
            waits.source = layers.broken;
            waits.notes = {layers.broken + " cannot be used"};
            return waits;
        }
        if (layers.layers.empty())
            return {};
        std::vector<const Plan*> key;
        for (const Layer& layer : layers.layers)
            key.push_back(layer.plan.get());
        if (const auto known = shared_.find(key); known != shared_.end())
            return known->second;
        Host host{runtime_, layers, person, out_};
        Time time{runtime_.filter(), start_};
        policy::recipe::RunSetup setup = setup_for(person, layers);
        setup.late = [&time](Scope scope) { return time.late(scope); };
        const auto outcome =
            policy::recipe::run(layers.layers, letter_.message, setup, host);
        SmtpOutcome answer = policy::filter::at_smtp_time(
            outcome, *letter_.message, runtime_.settings);
        if (!outcome.watched)
            shared_.emplace(std::move(key), answer);
        return answer;
    }

    policy::recipe::RunSetup setup_for(const Person& person,
                                       const Layers& layers) const
    {
        policy::recipe::RunSetup setup;
        const std::string mailbox = "/var/mail/" + person.user;
        setup.presets = {
            {"LOGNAME", person.user},
            {"HOME", layers.home},
            {"SHELL", "/bin/sh"},
            {"PROCMAIL_VERSION", "3.23pre"},
            {"HOST", runtime_.host},
            {"SENDMAIL", "/usr/sbin/sendmail"},
            {"SENDMAILFLAGS", "-oi"},
            {"SHELLFLAGS", "-c"},
            {"SHELLMETAS", "&|<>~;?*["},
            {"LOCKEXT", ".lock"},
            {"MSGPREFIX", "msg."},
            {"DEFAULT", mailbox},
            {"ORGMAIL", mailbox},
            {"MAILDIR", layers.home},
            {"PATH", "/usr/local/bin:/usr/bin:/bin"},
            {"LINEBUF", "2048"},
            {"SENDER", letter_.sender},
            {"RECIPIENT", person.address},
            {"CLIENT_ADDR", letter_.origin.client.text()},
            {"CLIENT_NAME", letter_.origin.client_name},
            {"HELO", letter_.origin.helo},
            {"AUTH_USER", letter_.origin.auth_user},
            {"QUEUE_ID", letter_.origin.queue_id},
        };
        setup.watched = {"LOGNAME", "HOME",    "DEFAULT",
                         "ORGMAIL", "MAILDIR", "RECIPIENT"};
        setup.arguments = {letter_.sender, person.address};
        setup.host = runtime_.host;
        setup.user_edits = runtime_.settings.user_may("edit");
        return setup;
    }

    const Runtime& runtime_;
    const Letter& letter_;
    const Steady::time_point start_;
    Judgement out_;
    std::map<std::vector<const Plan*>, SmtpOutcome> shared_;
};

}  // namespace

Judgement judge(const Runtime& runtime, const Letter& letter)
{
    return Judge{runtime, letter}.run();
}

}  // namespace milters::filter
