// Right-hand sides of access.db that do something else than they seem to say.
#include "policy/map/access_lint_checks.h"

namespace policy::map::lint {
namespace {

using Kind = Finding::Kind;
using std::string_view;

/// Words that mean something only when nothing follows them.
constexpr std::array keywords{"ok",   "relay",  "reject", "discard",
                              "skip", "friend", "hater",  "subject"};

std::optional<Trouble> comment_behind(const Entry& e, const LintOptions&)
{
    const auto end = e.value.find_first_of(" \t#");
    if (end == std::string::npos || !among(keywords, e.value.substr(0, end)) ||
        unbalanced(e.value) != '\0')
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "what follows the keyword makes the whole "
                   "an error text: 553",
                   "put comments on lines of their own"};
}

std::optional<Trouble> only_comment(const Entry& e, const LintOptions&)
{
    if (!e.value.empty())
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "what stands in ( ) is a comment, and no value is an "
                   "error: 553",
                   "put # before the line to turn it off"};
}

std::optional<Trouble> skip_value(const Entry& e, const LintOptions& options)
{
    if (e.value != "skip")
        return std::nullopt;
    if (!options.skip)
        return Trouble{Kind::dangerous, "SKIP is an error text here: 553",
                       "give FEATURE(`access_db') the option skip"};
    if (e.rest.find('@') != std::string::npos)
        return Trouble{Kind::dangerous, "SKIP is no keyword for addresses: 553",
                       "write OK, or SKIP for the domain"};
    return std::nullopt;
}

std::optional<Trouble> empty_text(const Entry& e, const LintOptions&)
{
    const bool error = starts(e.value, "error:");
    if (!error && !starts(e.value, "quarantine:"))
        return std::nullopt;
    const auto text = e.value.substr(e.value.find(':') + 1);
    const bool code_only =
        error && !text.empty() && text.back() == ':' &&
        text.find_first_not_of("0123456789.:") == std::string::npos;
    if (!text.empty() && text != "\"\"" && !code_only)
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "without a text, part of the address becomes the text",
                   "write ERROR:\"550 reason\" or QUARANTINE:reason"};
}

/// The reply text of a value: behind ERROR: and an enhanced code, unquoted.
string_view reply_text(string_view value)
{
    if (starts(value, "error:")) {
        value.remove_prefix(6);
        const auto colon = value.find(':');
        if (colon != value.npos && colon > 0 &&
            value.substr(0, colon).find_first_not_of("0123456789.") ==
                value.npos)
            value.remove_prefix(colon + 1);
    }
    return starts(value, "\"") ? value.substr(1) : value;
}

std::optional<Trouble> reply_code(const Entry& e, const LintOptions&)
{
    const auto text = reply_text(e.value);
    if (text.size() < 4 || !all_digits(text.substr(0, 3)) || is_digit(text[3]))
        return std::nullopt;
    if (text[0] == '2' || text[0] == '3')
        return Trouble{Kind::dangerous,
                       "a refusal with code " + std::string{text.substr(0, 3)} +
                           " tells the client that all is well",
                       "use a code from 400 to 599"};
    if (text[0] != '4' && text[0] != '5')
        return Trouble{Kind::dangerous,
                       "no reply has the code " +
                           std::string{text.substr(0, 3)} + ": it is 553",
                       "use a code from 400 to 599"};
    return std::nullopt;
}

std::optional<Trouble> percent(const Entry& e, const LintOptions&)
{
    if (e.value.find('%') == std::string::npos)
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "% stands for the key or is lost on its way to the client",
                   "write the text without %"};
}

std::optional<Trouble> dns_word(const Entry& e, const LintOptions&)
{
    if (e.tag != "from" || (e.value != "temp" && e.value != "perm"))
        return std::nullopt;
    return Trouble{Kind::dangerous, "in From: this word means that DNS failed",
                   "write ERROR:\"450 reason\" or REJECT"};
}

std::optional<Trouble> unknown_word(const Entry& e, const LintOptions&)
{
    const bool known = e.value.empty() || among(keywords, e.value) ||
                       e.value == "temp" || e.value == "perm" ||
                       e.value.find_first_of(" \t:") != e.value.npos;
    if (known || e.value.find_first_not_of("abcdefghijklmnopqrstuvwxyz_-") !=
                     std::string::npos)
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "no keyword: the mail is refused with 553 "
                   "and this word",
                   "write OK, RELAY, REJECT, DISCARD or "
                   "ERROR:\"550 reason\""};
}

std::optional<Trouble> forgeable(const Entry& e, const LintOptions& options)
{
    if (!options.relay_mail_from || e.tag != "from" || e.value != "relay")
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "whoever writes this sender may relay: "
                   "relay_mail_from believes the envelope",
                   "grant by Connect:, SMTP AUTH or a POP login"};
}

constexpr Check checks[] = {comment_behind, only_comment, skip_value,
                            empty_text,     reply_code,   percent,
                            dns_word,       unknown_word, forgeable};

}  // namespace

std::span<const Check> value_checks()
{
    return checks;
}

}  // namespace policy::map::lint
