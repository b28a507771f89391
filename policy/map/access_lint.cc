#include "policy/map/access_lint.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <unordered_map>
#include <utility>

#include "policy/address.h"
#include "policy/map/text.h"

namespace policy::map {
namespace {

using Kind = Finding::Kind;
using std::string_view;

/// Tags of sendmail and of Postern, folded.
constexpr std::array tags{
    "connect",
    "from",
    "to",
    "spam",
    "greetpause",
    "clientrate",
    "clientconn",
    "srv_features",
    "clt_features",
    "tls_clt",
    "tls_srv",
    "tls_rcpt",
    "try_tls",
    "authinfo",
    "certissuer",
    "certsubject",
    "compat",
    "tls_srv_features",
    "tls_clt_features",
    "virus",
    "filter",
};

/// Tags whose right-hand side is an action on mail.
constexpr std::array action_tags{"", "connect", "from", "to", "spam"};

/// Words that mean something only when nothing follows them.
constexpr std::array keywords{"ok",   "relay",  "reject", "discard",
                              "skip", "friend", "hater",  "subject"};

template <class List>
bool among(const List& list, string_view word)
{
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool all_digits(string_view s)
{
    return !s.empty() && std::all_of(s.begin(), s.end(), is_digit);
}

bool starts(string_view s, string_view with)
{
    return s.substr(0, with.size()) == with;
}

/// An entry, folded and taken apart.
struct Entry {
    std::string tag;    ///< without colon; empty if untagged
    std::string rest;   ///< the key behind the tag
    std::string value;  ///< right-hand side, folded
};

Entry take_apart(const TextLine& line)
{
    Entry e{{}, folded(line.key), folded(line.value)};
    const auto colon = e.rest.find(':');
    if (colon != std::string::npos && among(tags, e.rest.substr(0, colon))) {
        e.tag = e.rest.substr(0, colon);
        e.rest.erase(0, colon + 1);
    }
    while (!e.value.empty() &&
           std::isspace(static_cast<unsigned char>(e.value.back())))
        e.value.pop_back();
    return e;
}

struct Trouble {
    Kind kind;
    std::string cause;
    std::string cure;
};
using Check = std::optional<Trouble> (*)(const Entry&, const LintOptions&);

std::string with_tag(const Entry& e, const std::string& rest)
{
    return "write " + (e.tag.empty() ? rest : e.tag + ":" + rest);
}

// ------------------------------------------------------------------ keys

std::optional<Trouble> unknown_tag(const Entry& e, const LintOptions&)
{
    const auto colon = e.rest.find(':');
    if (!e.tag.empty() || colon == std::string::npos ||
        starts(e.rest, "ipv6:") ||
        ClientAddr::parse(e.rest.substr(0, e.rest.find('/'))))
        return std::nullopt;
    return Trouble{Kind::dead,
                   "no tag is called " + e.rest.substr(0, colon) + ":",
                   "use Connect:, From:, To: or Spam:"};
}

std::optional<Trouble> cidr(const Entry& e, const LintOptions&)
{
    const auto slash = e.rest.rfind('/');
    if (slash == std::string::npos || !all_digits(e.rest.substr(slash + 1)) ||
        !ClientAddr::parse(e.rest.substr(0, slash)))
        return std::nullopt;
    return Trouble{Kind::dead, "a network is not written with /",
                   "write leading octets (192.0.2) or groups "
                   "(IPv6:2001:db8), one line each"};
}

std::optional<Trouble> trailing_dot(const Entry& e, const LintOptions&)
{
    if (e.rest.size() < 2 || e.rest.back() != '.')
        return std::nullopt;
    return Trouble{Kind::dead, "a key with a dot at its end is never asked for",
                   with_tag(e, e.rest.substr(0, e.rest.size() - 1))};
}

std::optional<Trouble> leading_dot(const Entry& e, const LintOptions& options)
{
    if (e.rest.empty() || e.rest.front() != '.' || options.dotdomain)
        return std::nullopt;
    return Trouble{Kind::dead,
                   "a key with a leading dot needs the option "
                   "lookupdotdomain",
                   with_tag(e, e.rest.substr(1))};
}

std::optional<Trouble> wildcard(const Entry& e, const LintOptions&)
{
    if (e.rest.find('*') == std::string::npos ||
        e.rest.find("+*@") != std::string::npos)
        return std::nullopt;
    return Trouble{Kind::dead, "* is no wildcard",
                   "write the parent domain: it covers its subdomains"};
}

std::optional<Trouble> ipv6_spelling(const Entry& e, const LintOptions&)
{
    const bool tagged = starts(e.rest, "ipv6:");
    if (e.rest.find(':') == std::string::npos)
        return std::nullopt;
    const auto addr = ClientAddr::parse(e.rest);
    if (addr && addr->map_key() == e.rest)
        return std::nullopt;
    if (addr)
        return Trouble{Kind::dead, "sendmail spells an IPv6 address in full",
                       with_tag(e, addr->sendmail_text())};
    if (tagged && (e.rest.find("::") != std::string::npos ||
                   e.rest.find(":0") != e.rest.find(":0:")))
        return Trouble{Kind::dead,
                       "groups are not compressed and have no "
                       "leading zeros",
                       with_tag(e, "IPv6:2001:db8")};
    return std::nullopt;
}

std::optional<Trouble> octets(const Entry& e, const LintOptions&)
{
    if (e.rest.find_first_not_of("0123456789.") != std::string::npos)
        return std::nullopt;
    string_view rest = e.rest;
    while (!rest.empty()) {
        const auto part = rest.substr(0, rest.find('.'));
        if (part.size() > 3 || (part.size() > 1 && part[0] == '0') ||
            (part.size() == 3 && part > "255"))
            return Trouble{Kind::dead,
                           "no address has the part " + std::string{part},
                           "write decimal octets without leading zeros"};
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    }
    return std::nullopt;
}

// ---------------------------------------------------------------- values

std::optional<Trouble> comment_behind(const Entry& e, const LintOptions&)
{
    const auto end = e.value.find_first_of(" \t#");
    if (end == std::string::npos || !among(keywords, e.value.substr(0, end)))
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "what follows the keyword makes the whole "
                   "an error text: 553",
                   "put comments on lines of their own"};
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
    const bool known = among(keywords, e.value) || e.value == "temp" ||
                       e.value == "perm" ||
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

constexpr Check key_checks[] = {unknown_tag, cidr,     trailing_dot,
                                leading_dot, wildcard, ipv6_spelling,
                                octets};
constexpr Check value_checks[] = {comment_behind, skip_value, empty_text,
                                  reply_code,     percent,    dns_word,
                                  unknown_word,   forgeable};

/// Where each key was first seen, and what makemap thinks of each line.
class Linter {
public:
    explicit Linter(const LintOptions& options) : options_{options} {}

    void take(const TextLine& line)
    {
        if (line.problem)
            return refused(line);
        const auto [first, fresh] =
            seen_.try_emplace(folded(line.key), line.number);
        if (!fresh)
            report(line, {Kind::refused,
                          "the same key stands in line " +
                              std::to_string(first->second),
                          "keep one of the two; the first counts"});
        const Entry e = take_apart(line);
        for (const Check check : key_checks)
            run(check, e, line);
        if (!among(action_tags, e.tag))
            return;
        for (const Check check : value_checks)
            run(check, e, line);
    }

    std::vector<Finding> findings;

private:
    void refused(const TextLine& line)
    {
        const string_view problem = line.problem;
        const char* const cure =
            problem == "leading blank" ? "start the key in the first column"
            : problem == "no value"    ? "write key, blank, value"
                                       : "keep a line below 1024 bytes";
        report(line, {Kind::refused, std::string{problem}, cure});
    }

    void run(Check check, const Entry& e, const TextLine& line)
    {
        if (auto trouble = check(e, options_))
            report(line, std::move(*trouble));
    }

    void report(const TextLine& line, Trouble trouble)
    {
        findings.push_back({line.number, trouble.kind, std::string{line.key},
                            std::move(trouble.cause), std::move(trouble.cure)});
    }

    const LintOptions& options_;
    std::unordered_map<std::string, std::size_t> seen_;
};

}  // namespace

const char* name_of(Finding::Kind kind)
{
    switch (kind) {
        case Kind::refused:
            return "refused";
        case Kind::dead:
            return "dead";
        case Kind::dangerous:
            return "dangerous";
    }
    return "?";
}

std::vector<Finding> lint_access(string_view text, const LintOptions& options)
{
    Linter linter{options};
    for_each_line(text, [&](const TextLine& line) { linter.take(line); });
    return std::move(linter.findings);
}

}  // namespace policy::map
