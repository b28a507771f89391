#include "milters/virus/copies.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "milters/milter/own_id.h"
#include "policy/scan/notice.h"
#include "policy/scan/store.h"

namespace milters::virus {
namespace {

using policy::Status;
using policy::scan::Kept;
using policy::scan::Macros;
using policy::scan::Plan;
using policy::scan::Verdict;

/// The message as it came, without the line that we put on top.
Status copy_message(const Message& message, int to)
{
    auto at = static_cast<off_t>(top_line.size());
    std::string buffer(256 * 1024, '\0');
    for (;;) {
        const ssize_t n =
            ::pread(message.file().fd(), buffer.data(), buffer.size(), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return policy::fail(policy::Errc::io, std::strerror(errno));
        if (n == 0)
            return {};
        if (auto s = policy::scan::write_all(
                to, {buffer.data(), static_cast<std::size_t>(n)});
            !s)
            return s;
        at += n;
    }
}

std::string new_id()
{
    std::string id = milter::own_id();
    std::replace(id.begin(), id.end(), '.', '-');
    return id;
}

std::vector<std::string> bare_rcpts(const Transaction& mail)
{
    std::vector<std::string> out;
    for (const auto& rcpt : mail.rcpts)
        out.push_back(bare(rcpt));
    return out;
}

std::string date_of(policy::Seconds when)
{
    const std::time_t t = when.time_since_epoch().count();
    std::tm parts{};
    char text[40] = "";
    if (::gmtime_r(&t, &parts))
        std::strftime(text, sizeof text, "%a, %d %b %Y %T +0000", &parts);
    return text;
}

std::string own_host()
{
    char name[256] = "";
    ::gethostname(name, sizeof name - 1);
    return name;
}

Macros macros_of(const Transaction& mail, const Verdict& verdict,
                 const Plan& plan, const std::string& kept,
                 const std::string& host)
{
    const auto& outcome = plan.outcome;
    Macros out;
    const auto set = [&](const char* name, const std::string& value) {
        out[name] = {value};
    };
    const bool filtered = policy::scan::is_filtered(outcome);
    set("STATUS", filtered ? "filtered" : name_of(outcome.status));
    set("SIGNATURE", outcome.signature);
    set("VIRUS", outcome.signature);
    set("INFO",
        filtered ? "attachment " + outcome.signature
                 : policy::scan::describe(outcome.status, outcome.signature));
    set("ACTION", name_of(plan.action));
    set("REASON", outcome.reason);
    set("REASON_TEXT",
        outcome.reason.empty() ? "" : " (" + outcome.reason + ")");
    set("SENDER", mail.from.sender);
    out["RECIPIENT"] = out["RECIPIENTS"] = bare_rcpts(mail);
    set("SUBJECT", mail.message.subject().value_or(""));
    set("CLIENT", mail.from.client.text());
    set("USER", mail.from.auth_user);
    set("QUEUE_ID", mail.queue_id);
    set("KEPT", kept);
    set("GROUP", outcome.group);
    set("HOST", host);
    for (const auto& finding : verdict.findings)
        out["FINDING"].push_back(
            policy::scan::describe(finding.status, finding.signature));
    return out;
}

void send(const Runtime& runtime, const std::string& text,
          const std::vector<std::string>& rcpts, const Macros& macros)
{
    const auto& settings = runtime.virus().notify;
    std::string to;
    for (const auto& rcpt : rcpts)
        to += (to.empty() ? "" : ", ") + rcpt;
    Macros all = macros;
    all["DATE"] = {date_of(runtime.now())};
    runtime.lasting->mailer->send(
        {settings.sendmail, rcpts,
         policy::scan::notice_message(settings.from, to, date_of(runtime.now()),
                                      policy::scan::fill(text, all))});
    runtime.lasting->stats.notice();
}

}  // namespace

bool wants_copy(const Runtime& runtime, policy::scan::Action action)
{
    const auto& wanted = runtime.virus().quarantine.copies;
    return std::find(wanted.begin(), wanted.end(), action) != wanted.end();
}

policy::Result<std::string> keep_copy(const Runtime& runtime,
                                      const Transaction& mail,
                                      const Verdict& verdict, const Plan& plan,
                                      bool whole)
{
    const auto& settings = runtime.virus().quarantine;
    Kept kept;
    kept.id = new_id();
    kept.when = runtime.now();
    kept.queue_id = mail.queue_id;
    kept.sender = mail.from.sender;
    kept.rcpts = bare_rcpts(mail);
    // Who gets nothing of it does not get it by a release either.
    for (std::size_t i = plan.removed.size(); i-- > 0;)
        if (plan.removed[i] < kept.rcpts.size())
            kept.rcpts.erase(kept.rcpts.begin() +
                             static_cast<std::ptrdiff_t>(plan.removed[i]));
    kept.client = mail.from.client.text();
    kept.auth_user = mail.from.auth_user;
    kept.subject = mail.message.subject().value_or("");
    kept.status = policy::scan::status_word(verdict, plan.outcome);
    kept.signature = plan.outcome.signature;
    kept.action = name_of(plan.action);
    kept.group = plan.outcome.group;
    kept.reason = plan.outcome.reason;
    kept.size = mail.message.size();
    const policy::scan::Store store{settings.folder};
    const std::int64_t hour = kept.when.time_since_epoch().count() / 3600;
    if (settings.max_age.count() > 0 &&
        runtime.lasting->expired.exchange(hour) != hour)
        if (const auto gone = store.expire(kept.when, settings.max_age); !gone)
            mail.complain(runtime, gone.error().text);
    const bool wanted = (whole || settings.whole) && !mail.message.oversize();
    std::function<Status(int)> write;
    if (wanted)
        write = [&](int fd) { return copy_message(mail.message, fd); };
    if (auto s = store.keep(kept, write); !s)
        return policy::fail(s.error());
    return kept.id;
}

void notify(const Runtime& runtime, const Transaction& mail,
            const Verdict& verdict, const Plan& plan, const std::string& kept,
            const std::string& host)
{
    const auto& settings = runtime.virus().notify;
    const auto told = policy::scan::who_is_told(
        settings, {mail.from, bare_rcpts(mail), plan.outcome, plan.action});
    if (!told.admins && !told.sender && told.rcpts.empty())
        return;
    const Macros macros = macros_of(mail, verdict, plan, kept, host);
    if (told.admins)
        send(runtime, runtime.texts->text("admin"), settings.admins, macros);
    if (told.sender)
        send(runtime, runtime.texts->text("sender"), {mail.from.sender},
             macros);
    for (const auto& rcpt : told.rcpts)
        send(runtime, runtime.texts->text("recipient"), {rcpt}, macros);
}

void notify_admins(const Runtime& runtime, const std::string& word,
                   const std::string& info)
{
    const auto& settings = runtime.virus().notify;
    const auto& wanted = settings.admin;
    if (std::none_of(wanted.begin(), wanted.end(), [&](const auto& one) {
            return one == word || one == "all";
        }))
        return;
    Macros macros;
    macros["INFO"] = {info};
    macros["HOST"] = {own_host()};
    send(runtime, runtime.texts->text(word), settings.admins, macros);
}

}  // namespace milters::virus
