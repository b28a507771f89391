#include "milters/virus/obey.h"

#include <algorithm>

#include "milters/virus/copies.h"
#include "milters/virus/header.h"
#include "milters/virus/repair.h"
#include "policy/scan/disclaimer.h"

namespace milters::virus {
namespace {

using milter::Answer;
using policy::scan::Action;
using policy::scan::Plan;
using policy::scan::Verdict;

std::string macro(milter::Context& mta, const char* name)
{
    return std::string(mta.macro(name).value_or(""));
}

Answer later()
{
    return Answer::refuse(policy::temporary_failure());
}

/// Whether no recipient's group objects.
bool wants_disclaimer(const Runtime& runtime, const Transaction& mail)
{
    const auto& virus = runtime.virus();
    if (virus.disclaimer.text.empty() ||
        !in_direction(virus.disclaimer.direction, mail.from))
        return false;
    return std::all_of(
        mail.rcpts.begin(), mail.rcpts.end(), [&](const std::string& rcpt) {
            const auto* group = group_of(virus.rules, mail.from, rcpt);
            return !group || group->disclaimer;
        });
}

/// Mail that cannot take one goes without.
bool add_disclaimer(const Runtime& runtime, milter::Context& mta,
                    const Transaction& mail)
{
    if (!wants_disclaimer(runtime, mail) || mail.message.oversize() ||
        mail.message.has_bare_ends())
        return true;
    const auto bytes = mail.message.bytes();
    if (!bytes)
        return false;
    const auto body = policy::scan::body_with_disclaimer(
        *bytes, runtime.virus().disclaimer.text);
    return !body || mta.replace_body(*body);
}

/// One message whose fate is known.
class Obeying {
public:
    Obeying(const Runtime& runtime, milter::Context& mta,
            const Transaction& mail, const Verdict& verdict, const Plan& plan)
        : runtime_{runtime},
          mta_{mta},
          mail_{mail},
          verdict_{verdict},
          plan_{plan},
          status_{policy::scan::describe(verdict, plan.outcome)}
    {
    }

    Answer run(std::string& kept)
    {
        const bool refused =
            plan_.action == Action::reject || plan_.action == Action::tempfail;
        const bool in_folder =
            plan_.action == Action::quarantine &&
            runtime_.virus().quarantine.in_folder &&
            !mail_.message.oversize();  // of which we have the beginning only
        if (in_folder || wants_copy(runtime_, plan_.action)) {
            const auto copied =
                keep_copy(runtime_, mail_, verdict_, plan_, in_folder);
            if (copied)
                kept = *copied;
            else if (!refused)
                return complain("not kept: " + copied.error().text);
            else
                mail_.complain(runtime_, "not kept: " + copied.error().text);
        }
        if (refused)
            return Answer::refuse(policy::scan::reply_for(
                plan_.outcome, runtime_.virus().reject_text));
        if (plan_.action == Action::discard || in_folder)
            return Answer::discard();
        return deliver();
    }

private:
    Answer complain(const std::string& what)
    {
        mail_.complain(runtime_, what);
        return later();
    }

    Answer deliver()
    {
        for (const std::size_t i : plan_.removed)
            if (!mta_.delete_recipient(mail_.rcpts[i]))
                return complain("the MTA does not take recipients off");
        if (!mark(runtime_, mta_, mail_, status_, plan_.action == Action::tag))
            return later();
        if (!change_body())
            return complain("the MTA does not take another body");
        if (plan_.action == Action::quarantine &&
            !mta_.quarantine(
                policy::scan::with_reason(plan_.outcome, "virus: " + status_)))
            return complain("the MTA does not quarantine");
        return Answer::proceed();
    }

    bool change_body()
    {
        if (plan_.action == Action::strip || plan_.action == Action::rename)
            return repair(runtime_, mta_, mail_, status_);
        return !verdict_.clean() || plan_.action != Action::accept ||
               add_disclaimer(runtime_, mta_, mail_);
    }

    const Runtime& runtime_;
    milter::Context& mta_;
    const Transaction& mail_;
    const Verdict& verdict_;
    const Plan& plan_;
    std::string status_;
};

}  // namespace

bool mark(const Runtime& runtime, milter::Context& mta, const Transaction& mail,
          const std::string& status, bool tag)
{
    const auto& virus = runtime.virus();
    const auto engine = runtime.scanner->info();
    bool done = true;
    const auto remove = [&](const std::string& name) {
        for (unsigned i = mail.message.count(name); i > 0; --i)
            done &= mta.change_header(name, static_cast<int>(i), nullptr);
    };
    remove(release_header);
    const std::pair<const std::string&, std::string> ours[] = {
        {virus.header_status, status},
        {virus.header_scanned, scanned_value(engine, macro(mta, "j"))},
        {virus.header_anti_virus,
         anti_virus_value(engine, status, runtime.now())}};
    for (const auto& [name, value] : ours) {
        if (name.empty())
            continue;
        remove(name);
        done &= mta.insert_header(1, name, value);
    }
    if (tag) {
        const auto& subject = mail.message.subject();
        const std::string value = tagged_subject(status, subject.value_or(""));
        done &= subject ? mta.change_header("Subject", 1, &value)
                        : mta.add_header("Subject", value);
    }
    if (!done)
        mail.complain(runtime, "the MTA does not take all changes of headers");
    return done;
}

Answer obey(const Runtime& runtime, milter::Context& mta,
            const Transaction& mail, const Verdict& verdict, const Plan& plan,
            std::string& kept)
{
    return Obeying{runtime, mta, mail, verdict, plan}.run(kept);
}

}  // namespace milters::virus
