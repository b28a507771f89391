// pop-before-smtp-conf.pl, which is Perl, and grants of others.
#include <algorithm>
#include <charconv>

#include "policy/address.h"
#include "policy/migrate/migrate.h"
#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::split;
using sendmail::trimmed;

/// Statements, with the line that each begins in; remarks are taken out where
/// they begin a line.
std::vector<Line> statements(const Source& source)
{
    std::vector<Line> all;
    std::string text;
    int begun = 0;
    int number = 0;
    for (std::string_view rest{source.text}; !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        if (text.empty())
            begun = number;
        text.append(text.empty() ? "" : " ").append(line);
        if (line.back() != ';' && line.back() != '}' && !rest.empty())
            continue;
        all.push_back({source.path, begun, "", "", std::move(text)});
        text.clear();
    }
    return all;
}

/// `$grace = 30*60;` -> key `$grace`, value `30*60`; false for code.
bool assignment(Line& line)
{
    const auto equals = line.value.find('=');
    if (equals == line.value.npos ||
        (line.value.front() != '$' && line.value.front() != '@'))
        return false;
    std::string key{trimmed(std::string_view{line.value}.substr(0, equals))};
    if (key.find_first_of(" .+-(~") != key.npos)
        return false;
    std::string value{trimmed(std::string_view{line.value}.substr(equals + 1))};
    if (value.starts_with('=') || value.starts_with('~'))
        return false;
    while (!value.empty() && (value.back() == ';' || value.back() == ' '))
        value.pop_back();
    line.key = std::move(key);
    line.value = std::move(value);
    return true;
}

std::string unquoted(std::string value)
{
    if (value.size() > 1 && value.front() == value.back() &&
        (value.front() == '\'' || value.front() == '"'))
        return value.substr(1, value.size() - 2);
    return value;
}

/// A product of numbers, `30*60`; -1 for anything else.
long product(const std::string& value)
{
    long result = 1;
    const auto factors = split(value, "*");
    for (const auto& factor : factors) {
        long n = 0;
        const auto [end, error] =
            std::from_chars(factor.data(), factor.data() + factor.size(), n);
        if (error != std::errc{} || end != factor.data() + factor.size() ||
            n < 0 || n > 1000000 || result > 1000000)
            return -1;
        result *= n;
    }
    return factors.empty() ? -1 : result;
}

void grace(const Line& line, Draft& draft)
{
    const auto seconds = product(unquoted(line.value));
    if (seconds < 0)
        return draft.leave(line, "not a number of seconds");
    draft.set("relay.relayers.window", std::to_string(seconds) + "s", line);
}

void log_file(const Line& line, Draft& draft)
{
    draft.set("relay.login.follow[0].file", unquoted(line.value), line);
}

/// Which server's lines a pattern is made for, by the words in it.
void pattern(const Line& line, Draft& draft)
{
    struct Words {
        const char* word;
        const char* format;
    };
    constexpr Words known[] = {
        {"dovecot", "dovecot"},    {"imap-login", "dovecot"},
        {"pop3-login", "dovecot"}, {"popa3d", "popa3d"},
        {"vpopmail", "vpopmail"},  {"vchkpw", "vpopmail"},
        {"cucipop", "cucipop"},    {"teapop", "teapop"},
        {"spop3d", "spop3d"},      {"perdition", "perdition"},
        {"popper", "qpopper"},     {"courier", "courier"},
        {"pop3d-ssl", "courier"},  {"LOGIN, user=", "courier"},
        {"ipop3", "uw"},           {"imaps?d", "uw"},
        {"cyrus", "cyrus"},        {"pop3d", "cyrus"}};
    for (const auto& [word, format] : known)
        if (line.value.find(word) != line.value.npos)
            return draft.set("relay.login.follow[0].format", format, line);
    draft.leave(line,
                "of which server it is cannot be told: name the format, or "
                "write a file of patterns, in relay.login.follow");
}

/// Networks that may relay anyway need no grants.
void networks(const Line& line, Draft& draft)
{
    auto text = line.value;
    if (text.starts_with("qw"))
        text.erase(0, 2);
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return c == '(' || c == ')' || c == '\'' || c == '"'; },
        ' ');
    for (const auto& item : split(text, " \t,"))
        draft.append("relay.relayers.protect", item, line);
}

void debugging(const Line& line, Draft& draft)
{
    if (product(unquoted(line.value)) > 0)
        draft.set("log.level", "debug", line);
}

const std::vector<Rule>& rules()
{
    static const std::vector<Rule> all{
        {"", "$grace", grace},
        {"", "$file_tail{'name'}", log_file},
        {"", "$file_tail{\"name\"}", log_file},
        {"", "$file_tail{name}", log_file},
        {"", "$pat", pattern},
        {"", "@mynets", networks},
        {"", "$debug", debugging},
        {"", "$dbfile", nullptr,
         "grants are kept in relayers.db; vsmtprelay import takes over what "
         "postern import map prints of this one"},
        {"", "$dbvalue", nullptr, "the value of a grant is its time"},
        {"", "$out_pat", nullptr, "a grant ends by its age, not at logout"},
        {"", "$logto", nullptr, "syslog is written"},
        {"", "$flock", nullptr, ""},
        {"", "$reprocess", nullptr, ""},
        {"", "$write", nullptr, "a flag, -t: decide and change nothing"},
    };
    return all;
}

}  // namespace

void read_pop_before_smtp(const Source& conf, Draft& draft)
{
    for (auto& line : statements(conf)) {
        if (line.value == "1;" || line.value.starts_with("use vars"))
            continue;
        if (assignment(line))
            apply(line, rules(), draft);
        else
            draft.leave({line.file, line.number, "", "code", line.value},
                        "Perl is not run");
    }
    const Line age{conf.path + " (default)", 0, "", "$grace", "30*60"};
    if (!draft.has("relay.relayers.window"))
        grace(age, draft);
    if (draft.has("relay.login.follow[0].format") &&
        !draft.has("relay.login.follow[0].file"))
        log_file({conf.path + " (default)", 0, "", "$file_tail{'name'}",
                  "/var/log/maillog"},
                 draft);
}

bool read_grant(std::string_view key, std::string_view value, long long now,
                Entry& entry)
{
    while (!key.empty() && key.back() == '\0')
        key.remove_suffix(1);
    while (!value.empty() && (value.back() == '\0' || value.back() == '\n'))
        value.remove_suffix(1);
    const auto addr = ClientAddr::parse(key);
    if (!addr || !addr->is_ip())
        return false;
    long long ticks = now;
    if (value != "ok") {
        const auto* const end = value.data() + value.size();
        const auto [rest, error] = std::from_chars(value.data(), end, ticks);
        if (error != std::errc{} || rest != end || ticks < 0)
            return false;
    }
    entry = {addr->map_key(), std::to_string(ticks)};
    return true;
}

}  // namespace policy::migrate
