#include "policy/filter/smtp.h"

#include <strings.h>

#include <algorithm>
#include <map>

#include "policy/recipe/expand.h"

namespace policy::filter {
namespace {

using recipe::Effect;
using recipe::Ending;
using recipe::Outcome;

constexpr std::string_view blank = " \t\r\n";
constexpr const char* detail_letters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-=";

/// Fit for an envelope: printable, one word, no option of a program.
bool is_address(const std::string& text)
{
    return !text.empty() && text[0] != '-' && text[0] != '|' &&
           text[0] != '/' && text.size() <= 320 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return c > ' ' && c < 127 && c != '<' && c != '>' && c != ',' &&
                      c != '"' && c != '\\';
           });
}

std::string variable(const Outcome& run, std::string_view name)
{
    for (const auto& [known, value] : run.variables)
        if (known == name)
            return value;
    return {};
}

std::string lower(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + ('a' - 'A'));
    return text;
}

struct HeaderField {
    std::string name, value;
    int index = 0;  ///< among those of its name, from 1
};

std::vector<HeaderField> fields_of(std::string_view header)
{
    std::vector<HeaderField> fields;
    std::map<std::string, int> seen;
    while (!header.empty()) {
        const std::size_t end = std::min(header.find('\n'), header.size() - 1);
        const std::string line{header.substr(0, end + 1)};
        header.remove_prefix(end + 1);
        const std::size_t colon = line.find(':');
        if ((line[0] == ' ' || line[0] == '\t') && !fields.empty()) {
            fields.back().value += line;
        } else if (colon != line.npos && line.find(' ') > colon) {
            const std::string name = line.substr(0, colon);
            fields.push_back(
                {name, line.substr(colon + 1), ++seen[lower(name)]});
        }
    }
    for (HeaderField& field : fields) {
        field.value.erase(field.value.find_last_not_of(blank) + 1);
        field.value.erase(0, field.value.find_first_not_of(" \t"));
    }
    return fields;
}

/// Turns one header into another: what is gone is removed, what is new is
/// added behind the others, in its order.
std::vector<HeaderEdit> differences(const recipe::Message& before,
                                    const recipe::Message& after)
{
    const std::vector<HeaderField> fresh = fields_of(after.header());
    // Where each field of the new header is, those that come first last.
    std::map<std::pair<std::string_view, std::string_view>,
             std::vector<std::size_t>>
        places;
    for (std::size_t i = fresh.size(); i-- > 0;)
        places[{fresh[i].name, fresh[i].value}].push_back(i);
    std::vector<bool> kept(fresh.size());
    std::vector<HeaderEdit> edits;
    for (const HeaderField& old : fields_of(before.header())) {
        const auto same = places.find({old.name, old.value});
        if (same == places.end() || same->second.empty()) {
            edits.push_back(
                {HeaderEdit::Kind::remove, old.name, {}, old.index});
            continue;
        }
        kept[same->second.back()] = true;
        same->second.pop_back();
    }
    for (std::size_t i = 0; i < fresh.size(); ++i)
        if (!kept[i])
            edits.push_back(
                {HeaderEdit::Kind::add, fresh[i].name, fresh[i].value, 0});
    return edits;
}

/// Reads effects one by one into the answer.
class Reader {
public:
    Reader(const Outcome& run, const Settings& settings, SmtpOutcome& out)
        : run_{run}, settings_{settings}, out_{out}
    {
    }

    void read(const Effect& effect)
    {
        switch (effect.kind) {
            case Effect::Kind::log:
                out_.log.push_back(effect.text);
                break;
            case Effect::Kind::quarantine:
                if (!forbidden(effect, "quarantine"))
                    out_.quarantine = effect.text;
                break;
            case Effect::Kind::tag:
                if (!forbidden(effect, "edit"))
                    out_.headers.push_back({HeaderEdit::Kind::add,
                                            effect.names[0], effect.text, 0});
                break;
            case Effect::Kind::forward:
                forward(effect);
                break;
            case Effect::Kind::discard:
                if (!effect.copy)
                    discard(effect);
                break;
            case Effect::Kind::deliver:
                deliver(effect);
                break;
            case Effect::Kind::reply:
                refuse(effect);
                break;
        }
    }

private:
    SmtpOutcome& decided(const Effect& effect)
    {
        out_.where = effect.where;
        out_.source = effect.source;
        return out_;
    }

    /// What a user may not do is left out: his mail is then delivered.
    bool forbidden(const Effect& effect, const char* action)
    {
        if (effect.scope != recipe::Scope::user || settings_.user_may(action))
            return false;
        out_.notes.push_back(effect.source + ": users may not " + action);
        return true;
    }

    void discard(const Effect& effect)
    {
        if (forbidden(effect, "discard"))
            return;
        decided(effect).verdict = Verdict::discard;
        if (!settings_.null_rejects || effect.names[0] == "|")
            return;
        out_.verdict = Verdict::reject;
        out_.reply =
            read_reply(variable(run_, "SMTPREPLY"), usual_refusal(false));
    }

    void refuse(const Effect& effect)
    {
        const bool temporary = effect.names[0] == "TEMPFAIL";
        if (forbidden(effect, temporary ? "tempfail" : "reject"))
            return;
        decided(effect).verdict =
            temporary ? Verdict::tempfail : Verdict::reject;
        out_.reply = read_reply(effect.text, usual_refusal(temporary));
    }

    void forward(const Effect& effect)
    {
        if (forbidden(effect, "forward"))
            return;
        for (const std::string& address : effect.names) {
            // What expansion made of it may be an option or no address.
            if (!is_address(address)) {
                out_.notes.push_back(effect.source +
                                     ": not an address: " + address);
                continue;
            }
            out_.forwards.push_back(address);
            if (!effect.copy)
                decided(effect).redirected = true;
        }
    }

    void deliver(const Effect& effect)
    {
        const std::string& folder = effect.names[0];
        if (!effect.copy)
            decided(effect);
        const auto& held = settings_.quarantine_folders;
        if (std::find(held.begin(), held.end(), folder) != held.end()) {
            if (!forbidden(effect, "quarantine"))
                out_.quarantine = folder;
        } else if (effect.where != "default" &&
                   folder != variable(run_, "DEFAULT") &&
                   folder != variable(run_, "ORGMAIL") &&
                   !forbidden(effect, "folder")) {
            file_in(folder, effect.copy);
        }
    }

    void file_in(const std::string& folder, bool copy)
    {
        if (settings_.folder_as_recipient && !copy &&
            !run_folder(folder).empty())
            out_.folder = run_folder(folder);
        else
            out_.headers.push_back(
                {HeaderEdit::Kind::add, settings_.folder_header, folder, 0});
    }

    /// A folder as the detail of an address, "" if it cannot be one.
    std::string run_folder(std::string folder) const
    {
        const std::string maildir = variable(run_, "MAILDIR") + "/";
        if (folder.starts_with(maildir))
            folder.erase(0, maildir.size());
        while (folder.ends_with("/") || folder.ends_with("/."))
            folder.pop_back();
        folder.erase(0,
                     std::min(folder.find_first_not_of("./"), folder.size()));
        return folder.find_first_not_of(detail_letters) == folder.npos ? folder
                                                                       : "";
    }

    const Outcome& run_;
    const Settings& settings_;
    SmtpOutcome& out_;
};

/// EXITCODE with a run that leaves the mail nowhere, or in the mailbox.
void apply_exit_code(const Outcome& run, SmtpOutcome& out)
{
    const bool nowhere = run.ending == Ending::host ||
                         out.verdict == Verdict::discard ||
                         run.ending == Ending::fell_off;
    if (run.ending == Ending::host && out.verdict == Verdict::accept)
        out.verdict = Verdict::discard;
    if (!run.exit_code || *run.exit_code == 0)
        return;
    if (!nowhere) {
        out.notes.push_back("EXITCODE is not used: the mail was delivered");
        return;
    }
    if (out.source.empty())
        out.source = run.last_rc;
    const auto reply =
        reply_for_exit(*run.exit_code, variable(run, "SMTPREPLY"));
    out.verdict = reply->code < 500 ? Verdict::tempfail : Verdict::reject;
    out.reply = *reply;
}

}  // namespace

bool Settings::user_may(const char* action) const
{
    return std::find(user_actions.begin(), user_actions.end(), action) !=
           user_actions.end();
}

bool operator==(const SmtpOutcome& a, const SmtpOutcome& b)
{
    return a.verdict == b.verdict && a.reply == b.reply &&
           a.quarantine == b.quarantine && a.redirected == b.redirected &&
           a.forwards == b.forwards && a.headers == b.headers &&
           a.folder == b.folder && a.body == b.body;
}

SmtpOutcome at_smtp_time(const Outcome& run, const recipe::Message& before,
                         const Settings& settings)
{
    SmtpOutcome out;
    if (run.ending == Ending::limit) {
        out.verdict = Verdict::tempfail;
        out.reply = temporary_failure();
        out.notes = run.errors;
        out.source = run.last_rc;
        return out;
    }
    if (run.message_changed)
        out.headers = differences(before, *run.message);
    if (run.body_changed && run.message->body() != before.body())
        out.body = std::string{run.message->body()};
    Reader reader{run, settings, out};
    for (const Effect& effect : run.effects)
        reader.read(effect);
    // Of a clone only that counts which makes sense for a copy.
    for (const Outcome& clone : run.clones)
        for (const Effect& effect : clone.effects)
            if (effect.kind == Effect::Kind::forward ||
                effect.kind == Effect::Kind::log) {
                Effect copy = effect;
                copy.copy = true;
                reader.read(copy);
            }
    apply_exit_code(run, out);
    out.notes.insert(out.notes.end(), run.errors.begin(), run.errors.end());
    return out;
}

std::vector<recipe::Problem> smtp_problems(const recipe::Plan& plan)
{
    std::vector<recipe::Problem> problems;
    for (const recipe::Step& step : plan.steps()) {
        if (step.kind != recipe::Step::Kind::recipe)
            continue;
        const recipe::Recipe& recipe = *step.recipe;
        const recipe::Flags& flags = recipe.head.flags;
        const bool part = flags.pass_head != flags.pass_body;
        const auto kind = recipe.action.kind;
        const bool null = recipe.action.text == "/dev/null";
        if (part && !flags.copy && !null &&
            (kind == recipe::ActionKind::folder ||
             kind == recipe::ActionKind::forward))
            problems.push_back({recipe.action.line,
                                "With h or b alone a part of the mail would "
                                "be lost"});
        if (kind != recipe::ActionKind::forward)
            continue;
        const auto words =
            recipe::expand(recipe.action.text, recipe::Words::split, {})
                .words();
        for (const std::string& word : words)
            if (word.starts_with("-"))
                problems.push_back(
                    {recipe.action.line,
                     "Options of sendmail are not passed on: " + word});
    }
    return problems;
}

}  // namespace policy::filter
