#include "milters/virus/session.h"

#include "milters/milter/own_id.h"
#include "milters/virus/copies.h"
#include "milters/virus/exempt.h"
#include "milters/virus/obey.h"
#include "milters/virus/report.h"

namespace milters::virus {
namespace {

using milter::Answer;
using milter::Stage;
using Steady = std::chrono::steady_clock;

std::string text(milter::Context& mta, const char* macro)
{
    return std::string(mta.macro(macro).value_or(""));
}

std::string first(milter::Args args)
{
    return args.empty() ? "" : args.front();
}

/// The address that decides about networks: what the MTA names, since a
/// client that cannot be told is nobody's friend.
policy::ClientAddr address(milter::Context& mta, const milter::Peer& peer)
{
    if (const auto addr = policy::ClientAddr::parse(text(mta, "client_addr")))
        return *addr;
    return peer.addr;
}

}  // namespace

milter::Needs virus_needs(bool answers_rcpt)
{
    milter::Needs needs;
    needs.want_silently(Stage::connect, "j {client_addr}")
        .want_silently(Stage::mail, "i {auth_authen} {client_addr}")
        .want_silently(Stage::header)
        .want_silently(Stage::eoh)
        .want_silently(Stage::body)
        .want(Stage::eom, "i j");
    if (answers_rcpt)
        needs.want(Stage::rcpt);
    else
        needs.want_silently(Stage::rcpt);
    needs.quarantine = true;
    needs.add_header = true;
    needs.change_headers = true;
    needs.replace_body = true;
    needs.change_recipients = true;
    return needs;
}

VirusSession::VirusSession(std::shared_ptr<const Runtime> runtime)
    : runtime_{std::move(runtime)}, own_id_{milter::own_id()}
{
}

Answer VirusSession::connect(milter::Context& mta, const milter::Peer& peer)
{
    mail_.reset();
    client_ = address(mta, peer);
    client_name_ = peer.name;
    return Answer::proceed();
}

Answer VirusSession::mail(milter::Context& mta, milter::Args args)
{
    mail_.reset();
    if (const auto addr = policy::ClientAddr::parse(text(mta, "client_addr")))
        client_ = *addr;
    mail_.emplace(runtime_->virus(),
                  policy::scan::MailFrom{bare(first(args)), client_,
                                         text(mta, "auth_authen")});
    mail_->queue_id = policy::printable(text(mta, "i"));
    mail_->own_id = own_id_;
    mail_->client_name = client_name_;
    return Answer::proceed();
}

/// Whether this recipient's group calls for another answer than that of the
/// first one may be.
bool VirusSession::must_split(const std::string& rcpt)
{
    const auto& virus = runtime_->virus();
    if (!runtime_->lasting->answers_rcpt || !virus.split_recipients ||
        runtime_->test_mode())
        return false;
    const auto* group =
        policy::scan::group_of(virus.rules, mail_->from, bare(rcpt));
    if (!mail_->group)
        mail_->group = group;
    if (!policy::scan::may_differ(virus.rules, *mail_->group, group))
        return false;
    report_split(*runtime_, *mail_, rcpt, group ? group->name : "");
    return true;
}

Answer VirusSession::rcpt(milter::Context&, milter::Args args)
{
    if (!mail_)
        return Answer::proceed();
    std::string rcpt = first(args);
    if (must_split(rcpt))
        return Answer::refuse({452, "4.5.3",
                               "This recipient has other rules: send a "
                               "message of its own"});
    mail_->rcpts.push_back(std::move(rcpt));
    return Answer::proceed();
}

Answer VirusSession::header(milter::Context&, std::string_view name,
                            std::string_view value)
{
    if (!mail_)
        return Answer::proceed();
    if (mail_->release.empty() && lower(name) == lower(release_header))
        mail_->release = value;
    mail_->message.header(name, value);
    return Answer::proceed();
}

Answer VirusSession::eoh(milter::Context&)
{
    if (mail_)
        mail_->message.end_of_headers();
    return Answer::proceed();
}

Answer VirusSession::body(milter::Context&,
                          std::span<const unsigned char> chunk)
{
    if (mail_)
        mail_->message.body(
            {reinterpret_cast<const char*>(chunk.data()), chunk.size()});
    return Answer::proceed();
}

void VirusSession::abort()
{
    mail_.reset();
}

std::string VirusSession::id() const
{
    return mail_ ? mail_->id() : "NOQUEUE";
}

Answer VirusSession::judge(milter::Context& mta, Transaction& mail)
{
    const Runtime& runtime = *runtime_;
    if (const auto why = exemption(runtime, mail); !why.empty()) {
        report_exempt(runtime, mail, why);
        return runtime.test_mode() ||
                       mark(runtime, mta, mail, "not scanned", false)
                   ? Answer::proceed()
                   : Answer::refuse(policy::temporary_failure());
    }
    const auto begin = Steady::now();
    Scanning scanning{runtime, mta, mail};
    const auto verdict = scanning.whole(mail.message);
    const auto plan = scanning.plan(verdict);
    const auto time = std::chrono::duration_cast<std::chrono::microseconds>(
        Steady::now() - begin);
    std::string kept;
    const auto answer = runtime.test_mode()
                            ? Answer::proceed()
                            : obey(runtime, mta, mail, verdict, plan, kept);
    report(runtime, mail, verdict, plan, time, scanning.remembered(), kept);
    if (!runtime.test_mode())
        notify(runtime, mail, verdict, plan, kept, text(mta, "j"));
    return answer;
}

Answer VirusSession::eom(milter::Context& mta)
{
    if (!mail_)
        return Answer::refuse(policy::temporary_failure());
    if (mail_->queue_id.empty())
        mail_->queue_id = policy::printable(text(mta, "i"));
    auto answer = judge(mta, *mail_);
    mail_.reset();
    return answer;
}

}  // namespace milters::virus
