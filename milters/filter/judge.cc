#include "milters/filter/judge.h"

#include <map>
#include <optional>

#include "milters/filter/launcher.h"
#include "milters/filter/layers.h"
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

    policy::Result<std::optional<std::string>> lookup(const std::string& map,
                                                      const std::string& key,
                                                      Scope scope) override
    {
        return runtime_.lookups->find(map, key, scope);
    }

    bool seen_before(const std::string& name, const std::string& id,
                     Scope scope) override
    {
        if (id.size() > policy::filter::seen_id_bytes)
            return false;
        policy::filter::SeenCache cache{"", name};
        if (scope == Scope::user)
            cache.owner = person_.user + "@" + person_.domain;
        if (runtime_.seen->contains(cache, id))
            return true;
        judgement_.seen.emplace_back(std::move(cache), id);
        return false;
    }

private:
    const Runtime& runtime_;
    const Layers& layers_;
    const Person& person_;
    Judgement& judgement_;
};

/// Limits of time: one for all, and one for each user, who may have several
/// addresses.  The recipes of a user wait for those that run already.
class Time {
public:
    Time(const Runtime& runtime, Steady::time_point start,
         const std::string& user, Steady::duration& left)
        : runtime_{runtime},
          all_{start + runtime.filter().time},
          user_{user},
          left_{left}
    {
    }
    ~Time()
    {
        if (turn_)
            left_ = until_ - Steady::now();
    }
    Time(const Time&) = delete;
    Time& operator=(const Time&) = delete;

    bool late(Scope scope)
    {
        if (scope == Scope::user && !turn_) {
            turn_ = runtime_.turns->take(user_, runtime_.filter().user_time);
            until_ = Steady::now() + left_;
            if (!turn_)
                return true;
        }
        const auto now = Steady::now();
        return now > all_ || (scope == Scope::user && now > until_);
    }

private:
    const Runtime& runtime_;
    Steady::time_point all_;
    const std::string& user_;
    Steady::duration& left_;
    std::unique_ptr<Turns::Turn> turn_;
    Steady::time_point until_;
};

class Judge {
public:
    Judge(const Runtime& runtime, const Letter& letter)
        : runtime_{runtime}, letter_{letter}, start_{Steady::now()}
    {
    }

    Judgement run()
    {
        for (std::size_t i = 0; i < letter_.rcpts.size(); ++i) {
            const std::string& rcpt = letter_.rcpts[i];
            if (const auto& ruling = letter_.access[i]) {
                out_.copies.push_back(
                    {rcpt, policy::filter::by_access(*ruling)});
                continue;
            }
            const Person person = person_of(rcpt);
            out_.copies.push_back(
                {rcpt, one(person, layers_of(runtime_, person))});
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
        const auto left =
            user_time_.try_emplace(layers.user_rc, runtime_.filter().user_time);
        Time time{runtime_, start_, layers.user_rc, left.first->second};
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
        setup.presets = policy::recipe::procmail_presets(
            person.user, layers.home, runtime_.host);
        const policy::recipe::Presets more{
            // Without the user's own folder: the same for all.
            {"PATH", "/usr/local/bin:/usr/bin:/bin"},
            {"SENDER", letter_.sender},
            {"RECIPIENT", person.address},
            {"CLIENT_ADDR", letter_.origin.client.text()},
            {"CLIENT_NAME", letter_.origin.client_name},
            {"HELO", letter_.origin.helo},
            {"AUTH_USER", letter_.origin.auth_user},
            {"QUEUE_ID", letter_.origin.queue_id},
        };
        setup.presets.insert(setup.presets.end(), more.begin(), more.end());
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
    std::map<std::string, Steady::duration> user_time_;  ///< that is left
    std::map<std::vector<const Plan*>, SmtpOutcome> shared_;
};

}  // namespace

Judgement judge(const Runtime& runtime, const Letter& letter)
{
    return Judge{runtime, letter}.run();
}

}  // namespace milters::filter
