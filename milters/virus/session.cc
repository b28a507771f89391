#include "milters/virus/session.h"

#include "milters/virus/copies.h"
#include "milters/virus/exempt.h"
#include "milters/virus/obey.h"
#include "milters/virus/report.h"

namespace milters::virus {
namespace {

using milter::Answer;
using milter::Stage;
using Steady = std::chrono::steady_clock;

/// One message, from MAIL to the verdict.
class VirusMail final : public milter::Collected {
public:
    VirusMail(std::shared_ptr<const Runtime> runtime, milter::Origin origin)
        : runtime_{std::move(runtime)},
          mail_{runtime_->virus(), std::move(origin)}
    {
    }

    milter::Origin& origin() override { return mail_; }
    Answer rcpt(std::string rcpt) override;
    void header(std::string_view name, std::string_view value) override;
    void end_of_headers() override { mail_.message.end_of_headers(); }
    void body(std::string_view chunk) override { mail_.message.body(chunk); }
    Answer eom(milter::Context& mta) override;

private:
    bool must_split(const std::string& rcpt);

    std::shared_ptr<const Runtime> runtime_;
    Transaction mail_;
};

/// Whether this recipient's group calls for another answer than that of the
/// first one may be.
bool VirusMail::must_split(const std::string& rcpt)
{
    const auto& virus = runtime_->virus();
    if (!runtime_->lasting->answers_rcpt || !virus.split_recipients ||
        runtime_->test_mode())
        return false;
    const auto* group = policy::scan::group_of(virus.rules, mail_.from, rcpt);
    const auto access = ask_access(*runtime_, mail_, {rcpt})[0];
    if (!mail_.group) {
        mail_.group = group;
        mail_.group_access = access;
    }
    if (alike(mail_.group_access, access) &&
        !policy::scan::may_differ(virus.rules, *mail_.group, group))
        return false;
    report_split(*runtime_, mail_, rcpt, group ? group->name : "");
    return true;
}

Answer VirusMail::rcpt(std::string rcpt)
{
    if (must_split(rcpt))
        return Answer::refuse({452, "4.5.3",
                               "This recipient has other rules: send a "
                               "message of its own"});
    mail_.rcpts.push_back(std::move(rcpt));
    return Answer::proceed();
}

void VirusMail::header(std::string_view name, std::string_view value)
{
    if (mail_.release.empty() && lower(name) == lower(release_header))
        mail_.release = value;
    mail_.message.header(name, value);
}

Answer VirusMail::eom(milter::Context& mta)
{
    const Runtime& runtime = *runtime_;
    mail_.access = ask_access(
        runtime, mail_,
        mail_.rcpts.empty() ? std::vector<std::string>{""} : mail_.rcpts);
    if (const auto why = exemption(runtime, mail_); !why.empty()) {
        report_exempt(runtime, mail_, why);
        return runtime.test_mode() ||
                       mark(runtime, mta, mail_, "not scanned", false)
                   ? Answer::proceed()
                   : Answer::refuse(policy::temporary_failure());
    }
    const auto begin = Steady::now();
    mail_.until = begin + runtime.virus().deadline;
    Scanning scanning{runtime, mta, mail_};
    const auto verdict = scanning.whole(mail_.message);
    const auto plan = scanning.plan(verdict);
    std::string kept;
    const auto answer = runtime.test_mode()
                            ? Answer::proceed()
                            : obey(runtime, mta, mail_, verdict, plan, kept);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(
        Steady::now() - begin);
    report(runtime, mail_, verdict, plan, time, scanning.remembered(), kept);
    if (!runtime.test_mode())
        notify(runtime, mail_, verdict, plan, kept, milter::text_of(mta, "j"));
    return answer;
}

}  // namespace

milter::Needs virus_needs(bool answers_rcpt)
{
    auto needs = milter::collecting_needs();
    needs.want_silently(Stage::eoh);
    if (answers_rcpt)
        needs.want(Stage::rcpt);
    return needs;
}

std::unique_ptr<milter::Collected> VirusSession::begin(milter::Origin origin)
{
    return std::make_unique<VirusMail>(runtime_, std::move(origin));
}

}  // namespace milters::virus
