#include "milters/filter/report.h"

#include <algorithm>

#include "policy/log_json.h"

namespace milters::filter {
namespace {

using policy::Verdict;
using policy::filter::Acts;
using policy::filter::Copy;
using policy::filter::SmtpOutcome;
using Level = policy::Log::Level;

/// Lines of one kind that the recipes of one recipient may write: users choose
/// how many they ask for.
constexpr std::size_t most_notes = 50;

void write(const Runtime& runtime, const Letter& letter, Level level,
           const std::string& text)
{
    runtime.log->line(level, letter.origin.id(), text);
}

void write_notes(const Runtime& runtime, const Letter& letter,
                 const std::string& kind, const std::vector<std::string>& texts)
{
    const std::size_t told = std::min(texts.size(), most_notes);
    for (std::size_t i = 0; i < told; ++i)
        write(runtime, letter, Level::info,
              "filter: " + kind + ": " + policy::printable(texts[i]));
    if (texts.size() > told)
        write(runtime, letter, Level::info,
              "filter: " + kind + ": and " +
                  std::to_string(texts.size() - told) + " more");
}

void write_copy(const Runtime& runtime, const Letter& letter, const Copy& copy)
{
    const SmtpOutcome& outcome = copy.outcome;
    write_notes(runtime, letter, "LOG", outcome.log);
    write_notes(runtime, letter, "note", outcome.notes);
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
    write(runtime, letter, news ? Level::info : Level::debug, line.text());
}

void write_message(const Runtime& runtime, const Letter& letter,
                   const Acts& acts)
{
    policy::Fields line;
    line.say(runtime.test_mode ? "filter: test mode:" : "filter:")
        .add("action", policy::name_of(acts.verdict));
    if (acts.differ)
        line.add("recipients",
                 acts.kinds.empty() ? "differ, together" : "differ, apart");
    for (const std::size_t i : acts.removed)
        line.add("removed", letter.rcpts[i]);
    for (const std::string& address : acts.added)
        line.add("added", address);
    line.add("client", letter.origin.client.text())
        .add("from", "<" + letter.sender + ">")
        .add("size", std::to_string(letter.size))
        .add("id", letter.origin.own_id);
    const bool news = acts.verdict != Verdict::accept || acts.differ ||
                      !acts.removed.empty() || !acts.added.empty();
    write(runtime, letter, news ? Level::info : Level::debug, line.text());
}

policy::Decision decision_of(const Judgement& judgement, const Acts& acts)
{
    policy::Decision decision;
    decision.stage = policy::Stage::eom;
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
    return decision;
}

void write_json(const Runtime& runtime, const Letter& letter,
                const Judgement& judgement, const Acts& acts)
{
    policy::Judged judged;
    judged.when = runtime.clock();
    judged.id = letter.origin.own_id;
    judged.queue_id = letter.origin.queue_id;
    judged.program = "filter-milter";
    judged.client_addr = letter.origin.client.text();
    judged.client_name = letter.origin.client_name;
    judged.helo = letter.origin.helo;
    judged.auth_user = letter.origin.auth_user;
    judged.from = "<" + letter.sender + ">";
    for (const auto& rcpt : letter.rcpts)
        judged.rcpt += (judged.rcpt.empty() ? "" : ",") + rcpt;
    judged.test = runtime.test_mode;
    runtime.log->decision(
        policy::decision_json(decision_of(judgement, acts), judged));
}

}  // namespace

void report(const Runtime& runtime, const Letter& letter,
            const Judgement& judgement, const Acts& acts)
{
    for (const Copy& copy : judgement.copies)
        write_copy(runtime, letter, copy);
    write_notes(runtime, letter, "note", acts.notes);
    write_message(runtime, letter, acts);
    if (runtime.log->wants_decisions())
        write_json(runtime, letter, judgement, acts);
}

void complain(const Runtime& runtime, const Letter& letter,
              const std::string& what)
{
    write(runtime, letter, Level::error, "filter: " + policy::printable(what));
}

}  // namespace milters::filter
