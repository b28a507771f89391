#include "policy/filter/smtp.h"

#include <algorithm>

namespace policy::filter {
namespace {

using recipe::Effect;
using recipe::Ending;
using recipe::Outcome;

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

/// Senders may choose a part of a folder's name.
std::string in_one_line(std::string text)
{
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::string variable(const Outcome& run, std::string_view name)
{
    for (const auto& [known, value] : run.variables)
        if (known == name)
            return value;
    return {};
}

/// What a user may not do is left out: his mail is then delivered.
bool is_forbidden(const Settings& settings, recipe::Scope scope,
                  const char* action, const std::string& source,
                  SmtpOutcome& out)
{
    if (scope != recipe::Scope::user || settings.user_may(action))
        return false;
    out.notes.push_back(source + ": users may not " + action);
    return true;
}

/// In the words of a recipe.  421 would end the connection, on which mail to
/// others comes as well: not for users.
Reply reply_of(recipe::Scope scope, const std::string& text,
               const Reply& otherwise)
{
    Reply reply = read_reply(text, otherwise);
    if (scope == recipe::Scope::user && reply.code == 421)
        reply.code = 451;
    return reply;
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

    bool forbidden(const Effect& effect, const char* action)
    {
        return is_forbidden(settings_, effect.scope, action, effect.source,
                            out_);
    }

    void discard(const Effect& effect)
    {
        if (forbidden(effect, "discard"))
            return;
        decided(effect).verdict = Verdict::discard;
        if (!settings_.null_rejects || effect.names[0] == "|")
            return;
        out_.verdict = Verdict::reject;
        out_.reply = reply_of(effect.scope, variable(run_, "SMTPREPLY"),
                              usual_refusal(false));
    }

    void refuse(const Effect& effect)
    {
        const bool temporary = effect.names[0] == "TEMPFAIL";
        if (forbidden(effect, temporary ? "tempfail" : "reject"))
            return;
        decided(effect).verdict =
            temporary ? Verdict::tempfail : Verdict::reject;
        out_.reply =
            reply_of(effect.scope, effect.text, usual_refusal(temporary));
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
            out_.headers.push_back({HeaderEdit::Kind::add,
                                    settings_.folder_header,
                                    in_one_line(folder), 0});
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

/// HOST that stops a run leaves the mail nowhere.
void apply_host(const Outcome& run, const Settings& settings, SmtpOutcome& out)
{
    if (run.ending == Ending::host && out.verdict == Verdict::accept &&
        !is_forbidden(settings, run.host_scope, "discard", run.last_rc, out))
        out.verdict = Verdict::discard;
}

/// EXITCODE with a run that leaves the mail nowhere, or in the mailbox.
void apply_exit_code(const Outcome& run, const Settings& settings,
                     SmtpOutcome& out)
{
    if (!run.exit_code || *run.exit_code == 0)
        return;
    if (run.ending != Ending::host && run.ending != Ending::fell_off &&
        out.verdict != Verdict::discard) {
        out.notes.push_back("EXITCODE is not used: the mail was delivered");
        return;
    }
    const Reply usual = reply_for_exit(*run.exit_code);
    const bool temporary = usual.code < 500;
    if (is_forbidden(settings, run.exit_scope,
                     temporary ? "tempfail" : "reject", run.last_rc, out))
        return;
    if (out.source.empty())
        out.source = run.last_rc;
    out.verdict = temporary ? Verdict::tempfail : Verdict::reject;
    out.reply = reply_of(run.exit_scope, variable(run, "SMTPREPLY"), usual);
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
    apply_host(run, settings, out);
    apply_exit_code(run, settings, out);
    out.notes.insert(out.notes.end(), run.errors.begin(), run.errors.end());
    return out;
}

}  // namespace policy::filter
