#include "milters/filter/session.h"

#include <algorithm>

#include "milters/milter/daemon.h"
#include "milters/milter/own_id.h"
#include "policy/log_json.h"

namespace milters::filter {
namespace {

using milter::Answer;
using milter::Stage;
using policy::Verdict;
using policy::filter::Acts;
using policy::filter::Copy;
using policy::filter::HeaderEdit;
using policy::filter::SmtpOutcome;
using Level = policy::Log::Level;

std::string text(milter::Context& mta, const char* macro)
{
    return std::string(mta.macro(macro).value_or(""));
}

std::string first(milter::Args args)
{
    return args.empty() ? "" : args.front();
}

}  // namespace

milter::Needs filter_needs()
{
    milter::Needs needs;
    needs.want_silently(Stage::connect, "j {client_addr}")
        .want_silently(Stage::helo)
        .want_silently(Stage::mail, "i {auth_authen} {client_addr}")
        .want(Stage::rcpt)
        .want_silently(Stage::header)
        .want_silently(Stage::body)
        .want(Stage::eom, "i");
    needs.quarantine = true;
    needs.add_header = true;
    needs.change_headers = true;
    needs.replace_body = true;
    needs.change_recipients = true;
    return needs;
}

FilterSession::FilterSession(std::shared_ptr<const Runtime> runtime)
    : runtime_{std::move(runtime)}, own_id_{milter::own_id()}
{
}

Answer FilterSession::connect(milter::Context& mta, const milter::Peer& peer)
{
    mail_.reset();
    helo_.clear();
    const auto addr = policy::ClientAddr::parse(text(mta, "client_addr"));
    client_ = addr ? *addr : peer.addr;
    client_name_ = peer.name;
    return Answer::proceed();
}

Answer FilterSession::helo(milter::Context&, std::string_view name)
{
    helo_ = name;
    return Answer::proceed();
}

Answer FilterSession::mail(milter::Context& mta, milter::Args args)
{
    mail_.emplace(runtime_->filter().max_message);
    if (const auto addr = policy::ClientAddr::parse(text(mta, "client_addr")))
        client_ = *addr;
    Letter& letter = mail_->letter;
    letter.sender = policy::filter::plain_address(first(args));
    letter.client_addr = client_.text();
    letter.client_name = client_name_;
    letter.helo = helo_;
    letter.auth_user = text(mta, "auth_authen");
    letter.queue_id = policy::printable(text(mta, "i"));
    return Answer::proceed();
}

Answer FilterSession::rcpt(milter::Context&, milter::Args args)
{
    if (!mail_)
        return Answer::proceed();
    Letter& letter = mail_->letter;
    const std::string rcpt = first(args);
    if (!is_skipped() && runtime_->apart->must_wait(letter.sender, letter.rcpts,
                                                    rcpt, runtime_->clock()))
        return Answer::refuse(
            {452, "4.5.3",
             "This recipient has other filters; please send separately"});
    letter.rcpts.push_back(rcpt);
    return Answer::proceed();
}

Answer FilterSession::header(milter::Context&, std::string_view name,
                             std::string_view value)
{
    if (mail_)
        mail_->text.header(name, value);
    return Answer::proceed();
}

Answer FilterSession::body(milter::Context&,
                           std::span<const unsigned char> chunk)
{
    if (mail_)
        mail_->text.body(
            {reinterpret_cast<const char*>(chunk.data()), chunk.size()});
    return Answer::proceed();
}

void FilterSession::abort()
{
    mail_.reset();
}

std::string FilterSession::id() const
{
    return mail_ && !mail_->letter.queue_id.empty() ? mail_->letter.queue_id
                                                    : "NOQUEUE";
}

void FilterSession::complain(const std::string& what) const
{
    runtime_->log->line(Level::error, id(),
                        "filter: " + policy::printable(what));
}

bool FilterSession::is_skipped() const
{
    const auto& filter = runtime_->filter();
    if (filter.skip_authenticated && !mail_->letter.auth_user.empty())
        return true;
    return std::any_of(
        filter.skip_networks.begin(), filter.skip_networks.end(),
        [&](const auto& network) { return network.contains(client_); });
}

Answer FilterSession::eom(milter::Context& mta)
{
    if (!mail_)
        return Answer::refuse(policy::temporary_failure());
    if (mail_->letter.queue_id.empty())
        mail_->letter.queue_id = policy::printable(text(mta, "i"));
    Answer answer = is_skipped() ? Answer::proceed() : decide(mta);
    mail_.reset();
    return answer;
}

Answer FilterSession::decide(milter::Context& mta)
{
    if (mail_->text.oversize()) {
        complain("larger than filter.max_message");
        return runtime_->test_mode
                   ? Answer::proceed()
                   : Answer::refuse({552, "5.3.4", "Message is too large"});
    }
    Letter& letter = mail_->letter;
    const auto now = runtime_->clock();
    letter.message = mail_->text.whole(policy::recipe::from_line(
        letter.sender.empty() ? "MAILER-DAEMON" : letter.sender,
        now.time_since_epoch().count()));
    Judgement judgement;
    {
        const milter::SlowStep step;
        judgement = judge(*runtime_, letter);
    }
    // An MTA that hid the recipients has nobody whose mail it could be.
    if (judgement.copies.empty())
        return Answer::proceed();
    const Acts acts =
        policy::filter::combine(judgement.copies, runtime_->filter().apart);
    note(judgement, acts);
    if (runtime_->test_mode)
        return Answer::proceed();
    Answer answer = obey(mta, acts);
    if (acts.differ && !acts.kinds.empty())
        runtime_->apart->remember(letter.sender, letter.rcpts, acts.kinds, now);
    if (answer.kind() != Answer::Kind::refuse)
        for (const auto& [cache, message_id] : judgement.seen)
            runtime_->seen->add(cache, message_id);
    return answer;
}

Answer FilterSession::obey(milter::Context& mta, const Acts& acts)
{
    switch (acts.verdict) {
        case Verdict::reject:
        case Verdict::tempfail:
            return Answer::refuse(acts.reply);
        case Verdict::discard:
            return Answer::discard();
        case Verdict::accept:
        case Verdict::quarantine:
            break;
    }
    if (edit(mta, acts))
        return Answer::proceed();
    complain("the MTA does not take all changes");
    return Answer::refuse(policy::temporary_failure());
}

bool FilterSession::edit(milter::Context& mta, const Acts& acts)
{
    // Added before the last one is removed: a message without a recipient
    // would be dropped.
    bool done = true;
    for (const std::string& address : acts.added)
        done = done && mta.add_recipient("<" + address + ">");
    for (const std::size_t i : acts.removed)
        done = done && mta.delete_recipient(mail_->letter.rcpts[i]);
    done = done && edit_headers(mta, acts);
    if (acts.body)
        done = done && mta.replace_body(with_crlf(*acts.body));
    if (!acts.quarantine.empty())
        done = done &&
               mta.quarantine("filter: " + policy::printable(acts.quarantine));
    return done;
}

/// Removals from the last to the first, since each one moves those behind it.
bool FilterSession::edit_headers(milter::Context& mta, const Acts& acts)
{
    bool done = true;
    const std::string& folder = runtime_->settings.folder_header;
    const int forged = mail_->text.count(folder);
    for (int i = forged; i > 0; --i)
        done = done && mta.change_header(folder, i, nullptr);
    for (auto edit = acts.headers.rbegin(); edit != acts.headers.rend(); ++edit)
        if (edit->kind == HeaderEdit::Kind::remove &&
            (forged == 0 ||
             !std::equal(edit->name.begin(), edit->name.end(), folder.begin(),
                         folder.end(), [](char a, char b) {
                             return (a | 0x20) == (b | 0x20);
                         })))
            done = done && mta.change_header(edit->name, edit->index, nullptr);
    for (const HeaderEdit& edit : acts.headers)
        if (edit.kind == HeaderEdit::Kind::add)
            done = done && mta.add_header(edit.name, edit.value);
    return done;
}

// --- what is written down ---

void FilterSession::note_copy(const Copy& copy)
{
    const SmtpOutcome& outcome = copy.outcome;
    for (const std::string& line : outcome.log)
        runtime_->log->line(Level::info, id(),
                            "filter: LOG: " + policy::printable(line));
    for (const std::string& line : outcome.notes)
        runtime_->log->line(Level::info, id(),
                            "filter: note: " + policy::printable(line));
    policy::Fields line;
    line.say("filter:")
        .add("rcpt", copy.rcpt)
        .add("verdict", policy::name_of(outcome.verdict))
        .add_if("recipe", outcome.source)
        .add_if("reply", outcome.reply.code == 250 ? "" : outcome.reply.text)
        .add_if("folder", outcome.folder)
        .add_if("quarantine", outcome.quarantine);
    for (const std::string& address : outcome.forwards)
        line.add(outcome.redirected ? "redirect" : "copy", address);
    const bool news = outcome.verdict != Verdict::accept ||
                      !outcome.forwards.empty() || !outcome.quarantine.empty();
    runtime_->log->line(news ? Level::info : Level::debug, id(), line.text());
}

void FilterSession::note(const Judgement& judgement, const Acts& acts)
{
    for (const Copy& copy : judgement.copies)
        note_copy(copy);
    for (const std::string& text : acts.notes)
        runtime_->log->line(Level::info, id(),
                            "filter: note: " + policy::printable(text));
    policy::Fields line;
    line.say(runtime_->test_mode ? "filter: test mode:" : "filter:")
        .add("action", policy::name_of(acts.verdict));
    if (acts.differ)
        line.add("recipients",
                 acts.kinds.empty() ? "differ, together" : "differ, apart");
    for (const std::size_t i : acts.removed)
        line.add("removed", mail_->letter.rcpts[i]);
    for (const std::string& address : acts.added)
        line.add("added", address);
    line.add("client", client_.text())
        .add("from", "<" + mail_->letter.sender + ">")
        .add("size", std::to_string(mail_->text.size()))
        .add("id", own_id_);
    const bool news = acts.verdict != Verdict::accept || acts.differ ||
                      !acts.removed.empty() || !acts.added.empty();
    runtime_->log->line(news ? Level::info : Level::debug, id(), line.text());
    if (runtime_->log->wants_decisions())
        note_json(judgement, acts);
}

void FilterSession::note_json(const Judgement& judgement, const Acts& acts)
{
    policy::Decision decision;
    decision.stage = Stage::eom;
    decision.verdict =
        acts.quarantine.empty() ? acts.verdict : Verdict::quarantine;
    decision.reply = acts.reply;
    for (const Copy& copy : judgement.copies)
        decision.trace.push_back(
            {"filter", policy::name_of(copy.outcome.verdict),
             copy.outcome.source, copy.rcpt, copy.outcome.reply.text});
    const auto same = std::find_if(
        judgement.copies.begin(), judgement.copies.end(),
        [&](const Copy& copy) { return copy.outcome.verdict == acts.verdict; });
    decision.why = decision.trace[static_cast<std::size_t>(
        same == judgement.copies.end() ? 0 : same - judgement.copies.begin())];
    const Letter& letter = mail_->letter;
    policy::Judged judged;
    judged.when = runtime_->clock();
    judged.id = own_id_;
    judged.queue_id = letter.queue_id;
    judged.program = "filter-milter";
    judged.client_addr = client_.text();
    judged.client_name = client_name_;
    judged.helo = helo_;
    judged.auth_user = letter.auth_user;
    judged.from = "<" + letter.sender + ">";
    for (const auto& rcpt : letter.rcpts)
        judged.rcpt += (judged.rcpt.empty() ? "" : ",") + rcpt;
    judged.test = runtime_->test_mode;
    runtime_->log->decision(policy::decision_json(decision, judged));
}

}  // namespace milters::filter
