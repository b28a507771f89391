#include "milters/postern/filter_json.h"

#include <algorithm>
#include <cstdint>

namespace milters::postern {
namespace {

using nlohmann::json;
using namespace policy::recipe;

/// Variables that say something of the machine and nothing of the recipes.
constexpr std::string_view host_variables =
    " TZ LOGNAME HOME SHELL USER_SHELL PROCMAIL_MODE PROCMAIL_VERSION SENDMAIL"
    " SENDMAILFLAGS SHELLFLAGS SHELLMETAS LOCKEXT MSGPREFIX ORGMAIL PATH"
    " LINEBUF COMSAT VERBOSE LOGABSTRACT LOGFILE TRAP _ PWD OLDPWD __R __B __C"
    " __N __END XVERBOSE XLOGFILE XLOGABSTRACT XTRAP ";

/// Those of the log itself.
constexpr std::string_view log_variables = " VERBOSE LOGFILE LOGABSTRACT TRAP ";

bool among(std::string_view names, const std::string& name)
{
    return names.find(" " + name + " ") != names.npos;
}

json condition(const ConditionTrace& trace)
{
    json out{{"t", text_of(trace.text)}};
    if (trace.weighted) {
        out["add"] = trace.add;
        out["tot"] = trace.total;
        if (trace.plus)
            out["plus"] = true;
    } else {
        out["ok"] = trace.ok;
    }
    if (trace.negated)
        out["neg"] = true;
    return out;
}

json recipe(const RecipeTrace& trace)
{
    json out{{"r", trace.where}, {"flags", trace.flags}, {"run", trace.run}};
    out["conds"] = json::array();
    for (const ConditionTrace& one : trace.conditions)
        out["conds"].push_back(condition(one));
    if (trace.failed)
        out["failed"] = true;
    if (!trace.action)
        return out;
    json& act = out["act"] = json{{"do", trace.action->what}};
    if (trace.action->to)
        act["to"] = text_of(*trace.action->to);
    if (trace.action->exec)
        act["exec"] = text_of(*trace.action->exec);
    if (trace.action->variable)
        act["var"] = text_of(*trace.action->variable);
    return out;
}

json delivery(const Delivery& made)
{
    json out{{"via", made.via}, {"at", made.at}};
    if (made.kind)
        out["kind"] = *made.kind;
    out[made.via == "folder" ? "target" : "cmd"] = text_of(made.target);
    if (made.copy)
        out["copy"] = *made.copy;
    if (made.size)
        out["size"] = *made.size;
    if (made.failed)
        out["failed"] = true;
    return out;
}

/// LASTFOLDER without the names that a delivery agent makes up.
std::string plain_folder(const std::string& value)
{
    std::string out;
    for (std::size_t at = 0; at <= value.size();) {
        const std::size_t blank = std::min(value.find(' ', at), value.size());
        std::string word = value.substr(at, blank - at);
        const std::size_t fresh = word.rfind("/new/");
        const std::size_t slash = word.rfind('/');
        const bool number =
            slash != word.npos && slash + 1 < word.size() &&
            word.find_first_not_of("0123456789", slash + 1) == word.npos;
        if (fresh != word.npos)
            word.resize(fresh + 1);
        else if (number)
            word = word.substr(0, slash) + "/.";
        else if (slash != word.npos && word.compare(slash, 5, "/msg.") == 0)
            word.resize(slash);
        out += (at > 0 ? " " : "") + word;
        at = blank + 1;
    }
    return out;
}

json variables(const Outcome& outcome)
{
    json out = json::object();
    const Delivery none;
    const Delivery& last =
        outcome.deliveries.empty() ? none : outcome.deliveries.back();
    for (const auto& [name, value] : outcome.variables) {
        if (among(host_variables, name))
            continue;
        if (name == "LASTFOLDER" && last.kind == "dir")
            out[name] = text_of(last.target);
        else if (name == "LASTFOLDER" && last.via == "folder" &&
                 last.kind != "mbox")
            out[name] = text_of(plain_folder(value));
        else
            out[text_of(name)] = text_of(value);
    }
    return out;
}

json assigns(const Outcome& outcome, const TraceForm& form)
{
    json out = json::array();
    for (const Assigned& one : outcome.assigns) {
        if (!form.log_variables && among(log_variables, one.name))
            continue;
        if (one.silent && !out.empty() && out.back()[0] == one.name)
            out.erase(out.size() - 1);
        json pair{text_of(one.name), nullptr};
        if (one.value)
            pair[1] = text_of(*one.value);
        out.push_back(std::move(pair));
    }
    if (form.hidden_exit_code && !out.empty() && out.back()[0] == "EXITCODE")
        out.erase(out.size() - 1);
    return out;
}

}  // namespace

std::string bytes_of(const std::string& json_text)
{
    std::string out;
    for (std::size_t i = 0; i < json_text.size(); ++i) {
        const auto c = static_cast<unsigned char>(json_text[i]);
        if ((c & 0xFCU) == 0xC0 && i + 1 < json_text.size()) {
            const auto next = static_cast<unsigned char>(json_text[++i]);
            out.push_back(static_cast<char>(((c & 3U) << 6) | (next & 0x3FU)));
        } else {
            out.push_back(static_cast<char>(c));
        }
    }
    return out;
}

std::string text_of(std::string_view bytes)
{
    std::string out;
    for (const char ch : bytes) {
        const auto c = static_cast<unsigned char>(ch);
        if (c < 0x80) {
            out.push_back(ch);
        } else {
            out.push_back(static_cast<char>(0xC0U | (c >> 6)));
            out.push_back(static_cast<char>(0x80U | (c & 0x3FU)));
        }
    }
    return out;
}

json to_json(const Outcome& outcome, const TraceForm& form)
{
    json out{{"exit", outcome.status},
             {"score", std::to_string(outcome.score)},
             {"assigns", assigns(outcome, form)},
             {"vars", variables(outcome)}};
    out["trace"] = json::array();
    for (const RecipeTrace& one : outcome.trace)
        out["trace"].push_back(recipe(one));
    out["deliveries"] = json::array();
    for (const Delivery& one : outcome.deliveries)
        out["deliveries"].push_back(delivery(one));
    for (const std::string& text : outcome.errors)
        out["errors"].push_back(text_of(text));
    for (const Outcome& clone : outcome.clones) {
        json one = to_json(clone, form);
        one.erase("exit");
        out["clones"].push_back(std::move(one));
    }
    return out;
}

json to_json(const policy::filter::SmtpOutcome& outcome)
{
    using policy::Verdict;
    using policy::filter::HeaderEdit;
    json out = json::array();
    for (const HeaderEdit& edit : outcome.headers) {
        if (edit.kind == HeaderEdit::Kind::add)
            out.push_back({{"do", "add_header"},
                           {"name", text_of(edit.name)},
                           {"value", text_of(edit.value)}});
        else
            out.push_back({{"do", "delete_header"},
                           {"name", text_of(edit.name)},
                           {"index", edit.index}});
    }
    if (!outcome.forwards.empty()) {
        json to = json::array();
        for (const std::string& address : outcome.forwards)
            to.push_back(text_of(address));
        out.push_back({{"do", outcome.redirected ? "redirect" : "copy"},
                       {"to", std::move(to)}});
    }
    if (!outcome.quarantine.empty())
        out.push_back(
            {{"do", "quarantine"}, {"reason", text_of(outcome.quarantine)}});
    json last{{"do", policy::name_of(outcome.verdict)}};
    if (outcome.verdict == Verdict::reject ||
        outcome.verdict == Verdict::tempfail) {
        last["code"] = outcome.reply.code;
        last["enhanced"] = outcome.reply.enhanced;
        last["text"] = text_of(outcome.reply.text);
    }
    if (!outcome.where.empty())
        last["where"] = text_of(outcome.where);
    if (outcome.verdict != Verdict::accept || !outcome.redirected)
        out.push_back(std::move(last));
    return out;
}

}  // namespace milters::postern
