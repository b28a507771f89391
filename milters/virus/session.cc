#include "milters/virus/session.h"

#include "milters/milter/daemon.h"
#include "milters/milter/own_id.h"
#include "milters/virus/header.h"
#include "policy/log_json.h"
#include "policy/scan/mime.h"

namespace milters::virus {
namespace {

using milter::Answer;
using milter::Stage;
using policy::scan::Action;
using policy::scan::ScanStatus;
using policy::scan::Verdict;
using Level = policy::Log::Level;

std::string text(milter::Context& mta, const char* macro)
{
    return std::string(mta.macro(macro).value_or(""));
}

/// The address without its brackets.
std::string bare(std::string_view address)
{
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        address = address.substr(1, address.size() - 2);
    return std::string{address};
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

milter::Needs virus_needs()
{
    milter::Needs needs;
    needs.want_silently(Stage::connect, "j {client_addr}")
        .want_silently(Stage::mail, "i {auth_authen} {client_addr}")
        .want_silently(Stage::rcpt)
        .want_silently(Stage::header)
        .want_silently(Stage::eoh)
        .want_silently(Stage::body)
        .want(Stage::eom, "i j");
    needs.quarantine = true;
    needs.add_header = true;
    needs.change_headers = true;
    needs.replace_body = true;
    needs.change_recipients = true;
    return needs;
}

VirusSession::Transaction::Transaction(const policy::config::Virus& virus,
                                       policy::scan::MailFrom mail_from)
    : from{std::move(mail_from)},
      message{virus.cache_by_body ? HashOf::body : HashOf::full,
              virus.max_message}
{
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
    return Answer::proceed();
}

Answer VirusSession::rcpt(milter::Context&, milter::Args args)
{
    if (mail_)
        mail_->rcpts.push_back(first(args));
    return Answer::proceed();
}

Answer VirusSession::header(milter::Context&, std::string_view name,
                            std::string_view value)
{
    if (mail_)
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
    return mail_ && !mail_->queue_id.empty() ? mail_->queue_id : "NOQUEUE";
}

void VirusSession::complain(const std::string& what) const
{
    runtime_->log->line(Level::error, id(),
                        "virus: " + policy::printable(what));
}

// --- the verdict ---

bool VirusSession::is_skipped(const Transaction& mail) const
{
    const auto& virus = runtime_->virus();
    if (virus.skip_authenticated && !mail.from.auth_user.empty())
        return true;
    for (const auto& network : virus.skip_networks)
        if (network.contains(mail.from.client))
            return true;
    if (mail.rcpts.empty())
        return false;
    for (const auto& rcpt : mail.rcpts) {
        const auto* group =
            policy::scan::group_of(virus.rules, mail.from, bare(rcpt));
        if (!group || group->scan)
            return false;
    }
    return true;
}

/// Why signatures this old do not count, if they do not.
std::optional<std::string> VirusSession::stale(
    const policy::scan::EngineInfo& engine)
{
    const auto& virus = runtime_->virus();
    if (!virus.refuse_stale || virus.max_age.count() == 0 ||
        engine.base_time == 0)
        return std::nullopt;
    const policy::Seconds made{std::chrono::seconds{engine.base_time}};
    if (runtime_->clock() - made <= virus.max_age)
        return std::nullopt;
    return "the signatures are older than virus.max_age";
}

Verdict VirusSession::scan(milter::Context& mta, const Message& message,
                           bool urgent)
{
    const auto tick = [&mta] { mta.progress(); };
    policy::scan::ScanJob job{message.file().fd(), message.file().size(),
                              !runtime_->virus().rules.attachments.empty(),
                              urgent};
    milter::kick();
    Verdict verdict = runtime_->scanner->scan(job, tick);
    if (!message.has_bare_ends())
        return verdict;
    // Once more as a reader would see it that takes any line end for one.
    const auto normal = message.with_normal_ends();
    if (!normal)
        return Verdict::error(normal.error().text);
    job.fd = normal->fd();
    job.size = normal->size();
    Verdict second = runtime_->scanner->scan(job, tick);
    for (const auto& finding : verdict.findings)
        second.add(finding.status, finding.signature);
    second.detail += verdict.detail;
    second.parts.insert(second.parts.end(), verdict.parts.begin(),
                        verdict.parts.end());
    if (second.generation != verdict.generation)
        second.generation.clear();  // of two engines: not for the cache
    return second;
}

Verdict VirusSession::judge(milter::Context& mta, Transaction& mail)
{
    Message& message = mail.message;
    if (auto whole = message.finish(); !whole)
        return Verdict::error(whole.error().text);
    const auto engine = runtime_->scanner->info();
    if (const auto why = stale(engine))
        return Verdict::error(*why);
    if (message.oversize())
        return Verdict::oversize();
    if (auto known = runtime_->cache->find(message.digest(), engine.generation))
        return std::move(*known);
    const bool urgent =
        mail.from.client.is_loopback() || !mail.from.auth_user.empty();
    Verdict verdict = scan(mta, message, urgent);
    if (verdict.generation == runtime_->scanner->info().generation)
        runtime_->cache->add(message.digest(), verdict.generation, verdict);
    return verdict;
}

policy::scan::Plan VirusSession::plan(const Transaction& mail,
                                      const Verdict& verdict) const
{
    std::vector<policy::scan::Outcome> outcomes;
    for (const auto& rcpt : mail.rcpts)
        outcomes.push_back(policy::scan::decide(runtime_->virus().rules,
                                                mail.from, bare(rcpt), verdict,
                                                runtime_->clock()));
    // An MTA that hid the recipients still gets the common rules.
    if (outcomes.empty())
        outcomes.push_back(policy::scan::decide(runtime_->virus().rules,
                                                mail.from, "", verdict,
                                                runtime_->clock()));
    return policy::scan::combine(outcomes);
}

Answer VirusSession::eom(milter::Context& mta)
{
    if (!mail_)
        return Answer::refuse(policy::temporary_failure());
    if (mail_->queue_id.empty())
        mail_->queue_id = policy::printable(text(mta, "i"));
    if (is_skipped(*mail_)) {
        const bool marked =
            runtime_->test_mode || mark(mta, *mail_, "not scanned", false);
        mail_.reset();
        return marked ? Answer::proceed()
                      : Answer::refuse(policy::temporary_failure());
    }
    const Verdict verdict = judge(mta, *mail_);
    const auto the_plan = plan(*mail_, verdict);
    note(*mail_, verdict, the_plan);
    auto answer = runtime_->test_mode ? Answer::proceed()
                                      : obey(mta, *mail_, verdict, the_plan);
    mail_.reset();
    return answer;
}

// --- what is done ---

/// Takes the sender's own headers of these names away and writes ours.
bool VirusSession::mark(milter::Context& mta, const Transaction& mail,
                        const std::string& status, bool tag)
{
    const auto& virus = runtime_->virus();
    bool done = true;
    const std::pair<const std::string&, std::string> ours[] = {
        {virus.header_status, status},
        {virus.header_scanned,
         scanned_value(runtime_->scanner->info(), text(mta, "j"))}};
    for (const auto& [name, value] : ours) {
        if (name.empty())
            continue;
        for (unsigned i = mail.message.count(name); i > 0; --i)
            done &= mta.change_header(name, static_cast<int>(i), nullptr);
        done &= mta.insert_header(1, name, value);
    }
    if (tag) {
        const auto& subject = mail.message.subject();
        const std::string value = tagged_subject(status, subject.value_or(""));
        done &= subject ? mta.change_header("Subject", 1, &value)
                        : mta.add_header("Subject", value);
    }
    if (!done)
        complain("the MTA does not take all changes of headers");
    return done;
}

Verdict VirusSession::scan_bytes(milter::Context& mta, std::string_view bytes)
{
    auto file = scanner::MemFile::create();
    if (!file)
        return Verdict::error(file.error().text);
    if (auto s = file->append(bytes); !s)
        return Verdict::error(s.error().text);
    if (auto s = file->seal(); !s)
        return Verdict::error(s.error().text);
    const policy::scan::ScanJob job{
        file->fd(), file->size(), !runtime_->virus().rules.attachments.empty(),
        true};
    return runtime_->scanner->scan(job, [&mta] { mta.progress(); });
}

/// Whether these bytes alone would be delivered.
bool VirusSession::is_good(milter::Context& mta, const Transaction& mail,
                           std::string_view bytes)
{
    return plan(mail, scan_bytes(mta, bytes)).action < Action::strip;
}

/// The message with a notice in the place of each part that is not delivered;
/// nullopt if it has no parts, or if what is left would still not be.
std::optional<std::string> VirusSession::without_bad_parts(
    milter::Context& mta, const Transaction& mail, const std::string& status)
{
    const auto bytes = mail.message.bytes();
    if (!bytes || mail.message.has_bare_ends())
        return std::nullopt;
    const std::string_view text{*bytes};
    std::vector<policy::scan::Leaf> bad;
    for (const auto& leaf : policy::scan::leaves_of(text)) {
        const std::string alone =
            std::string{top_line} +
            std::string{text.substr(leaf.begin, leaf.end - leaf.begin)};
        if (!is_good(mta, mail, alone))
            bad.push_back(leaf);
    }
    if (bad.empty())
        return std::nullopt;
    const std::string part =
        "Content-Type: text/plain; charset=us-ascii\r\n\r\n" +
        notice(runtime_->virus().strip_text, status);
    auto out = policy::scan::replace_leaves(text, bad, part);
    if (!is_good(mta, mail, out))
        return std::nullopt;
    return out;
}

/// Removes what is bad, by parts if that makes the message good.
bool VirusSession::strip(milter::Context& mta, const Transaction& mail,
                         const std::string& status)
{
    const auto rest = mail.message.oversize()
                          ? std::nullopt
                          : without_bad_parts(mta, mail, status);
    if (!rest)
        return strip_all(mta, mail, status);
    return mta.replace_body(
        std::string_view{*rest}.substr(rest->find("\r\n\r\n") + 4));
}

/// Puts a notice in the place of the whole body.  What is left is a plain
/// message whatever the headers of the old one said.
bool VirusSession::strip_all(milter::Context& mta, const Transaction& mail,
                             const std::string& status)
{
    const std::string type = "text/plain; charset=us-ascii";
    bool done = true;
    for (const auto& [name, count] : mail.message.headers())
        if (name.starts_with("content-") && name != "content-type")
            for (unsigned i = count; i > 0; --i)
                done &= mta.change_header(name, static_cast<int>(i), nullptr);
    for (unsigned i = mail.message.count("content-type"); i > 1; --i)
        done &= mta.change_header("Content-Type", static_cast<int>(i), nullptr);
    done &= mail.message.count("content-type")
                ? mta.change_header("Content-Type", 1, &type)
                : mta.add_header("Content-Type", type);
    return done &&
           mta.replace_body(notice(runtime_->virus().strip_text, status));
}

Answer VirusSession::obey(milter::Context& mta, const Transaction& mail,
                          const Verdict& verdict,
                          const policy::scan::Plan& plan)
{
    const auto& outcome = plan.outcome;
    if (plan.action == Action::reject || plan.action == Action::tempfail)
        return Answer::refuse(
            policy::scan::reply_for(outcome, runtime_->virus().reject_text));
    if (plan.action == Action::discard)
        return Answer::discard();
    for (const std::size_t i : plan.removed)
        if (!mta.delete_recipient(mail.rcpts[i])) {
            complain("the MTA does not take recipients off");
            return Answer::refuse(policy::temporary_failure());
        }
    const std::string status =
        policy::scan::describe(verdict.status(), verdict.signature());
    if (!mark(mta, mail, status, plan.action == Action::tag))
        return Answer::refuse(policy::temporary_failure());
    if (plan.action == Action::strip && !strip(mta, mail, status)) {
        complain("the MTA does not take another body");
        return Answer::refuse(policy::temporary_failure());
    }
    if (plan.action == Action::quarantine &&
        !mta.quarantine("virus: " + status)) {
        complain("the MTA does not quarantine");
        return Answer::refuse(policy::temporary_failure());
    }
    return Answer::proceed();
}

// --- what is written down ---

void VirusSession::note(const Transaction& mail, const Verdict& verdict,
                        const policy::scan::Plan& plan) const
{
    policy::Fields line;
    line.say(runtime_->test_mode ? "virus: test mode:" : "virus:")
        .add("status", name_of(verdict.status()))
        .add("action", name_of(plan.action))
        .add_if("signature", verdict.signature())
        .add_if("group", plan.outcome.group)
        .add_if("rule", plan.outcome.rule)
        .add_if("place", plan.outcome.place)
        .add_if("error", verdict.detail);
    if (plan.mixed)
        line.add("recipients", "differ");
    for (const std::size_t i : plan.removed)
        line.add("removed", mail.rcpts[i]);
    line.add("client", mail.from.client.text())
        .add("from", "<" + mail.from.sender + ">")
        .add("size", std::to_string(mail.message.size()))
        .add("id", own_id_);
    const bool news = !verdict.clean() || plan.action != Action::accept;
    runtime_->log->line(news ? Level::info : Level::debug, id(), line.text());
    if (runtime_->log->wants_decisions())
        note_json(mail, plan);
}

void VirusSession::note_json(const Transaction& mail,
                             const policy::scan::Plan& plan) const
{
    policy::Decision decision;
    decision.stage = Stage::eom;
    decision.verdict =
        plan.action == Action::reject       ? policy::Verdict::reject
        : plan.action == Action::tempfail   ? policy::Verdict::tempfail
        : plan.action == Action::discard    ? policy::Verdict::discard
        : plan.action == Action::quarantine ? policy::Verdict::quarantine
                                            : policy::Verdict::accept;
    if (plan.action == Action::reject || plan.action == Action::tempfail)
        decision.reply = policy::scan::reply_for(plan.outcome,
                                                 runtime_->virus().reject_text);
    decision.why = {"virus", plan.outcome.rule, plan.outcome.place,
                    plan.outcome.signature, name_of(plan.outcome.status)};
    decision.trace = {decision.why};
    policy::Judged judged;
    judged.when = runtime_->clock();
    judged.id = own_id_;
    judged.queue_id = mail.queue_id;
    judged.program = "virus-milter";
    judged.client_addr = mail.from.client.text();
    judged.client_name = client_name_;
    judged.auth_user = mail.from.auth_user;
    judged.from = "<" + mail.from.sender + ">";
    for (const auto& rcpt : mail.rcpts)
        judged.rcpt += (judged.rcpt.empty() ? "" : ",") + rcpt;
    judged.test = runtime_->test_mode;
    runtime_->log->decision(policy::decision_json(decision, judged));
}

}  // namespace milters::virus
