// clamav-milter.conf(5).
#include <algorithm>
#include <map>

#include "policy/migrate/migrate.h"
#include "policy/sendmail/words.h"

namespace policy::migrate {
namespace {

using sendmail::lower;

/// `tcp:host:port`, `unix:/path`, `/path` -> libmilter's notation.
std::string socket_of(const std::string& text)
{
    if (!text.starts_with("tcp:"))
        return text.starts_with('/') ? "unix:" + text : text;
    const auto colon = text.rfind(':');
    auto host = text.substr(4, colon > 4 ? colon - 4 : 0);
    if (host.find(':') == host.npos)
        return "inet:" + text.substr(colon + 1) + "@" + host;
    std::erase_if(host, [](char c) { return c == '[' || c == ']'; });
    return "inet6:" + text.substr(colon + 1) + "@" + host;
}

/// Its word for an action as ours; the word itself if there is none.
std::string action_of(const std::string& word)
{
    static const std::map<std::string, std::string> words{
        {"accept", "accept"},
        {"reject", "reject"},
        {"defer", "tempfail"},
        {"blackhole", "discard"},
        {"quarantine", "quarantine"}};
    const auto found = words.find(lower(word));
    return found == words.end() ? word : found->second;
}

/// %v -> %s; other percent signs are doubled by nobody.
std::string reject_text(std::string text)
{
    const auto at = text.find("%v");
    if (at != text.npos)
        text.replace(at, 2, "%s");
    return text;
}

void milter_socket(const Line& line, Draft& draft)
{
    draft.set("virus.socket", socket_of(line.value), line);
}

void clamd_socket(const Line& line, Draft& draft)
{
    draft.set("virus.engine", "clamd", line);
    draft.append("virus.clamd.servers", socket_of(line.value), line);
}

void local_net(const Line& line, Draft& draft)
{
    if (lower(line.value) != "local")
        return draft.append("virus.skip.networks", line.value, line);
    draft.append("virus.skip.networks", "127.0.0.0/8", line);
    draft.append("virus.skip.networks", "::1", line);
}

void skip_authenticated(const Line& line, Draft& draft)
{
    if (line.value == ".*" || line.value == ".+" || line.value == "^.*$")
        return draft.set("virus.skip.authenticated", "yes", line);
    const auto in = draft.next("virus.groups");
    draft.set(in + "name", "skip-authenticated", line);
    draft.set(in + "priority", "1000", line);
    draft.append(in + "users", "re:.*(" + line.value + ").*", line);
    draft.set(in + "scan", "no", line);
}

/// Larger messages are passed on unseen there.
void max_file_size(const Line& line, Draft& draft)
{
    draft.set("virus.max_message", line.value == "0" ? "2G" : line.value, line);
    draft.set("virus.actions.oversize", "accept", line);
}

void on_infected(const Line& line, Draft& draft)
{
    draft.set("virus.actions.infected", action_of(line.value), line);
}

void on_fail(const Line& line, Draft& draft)
{
    draft.set("virus.actions.error", action_of(line.value), line);
}

void on_clean(const Line& line, Draft& draft)
{
    if (lower(line.value) != "accept")
        draft.leave(line, "clean mail is always accepted");
}

void add_header(const Line& line, Draft& draft)
{
    const auto word = lower(line.value);
    if (word == "no" || word == "off" || word == "false") {
        draft.set("virus.headers.scanned", "", line);
        draft.set("virus.headers.status", "", line);
    } else if (word == "add") {
        draft.leave(line,
                    "headers of others are always replaced: they could "
                    "be forged");
    }
}

void stale_socket(const Line& line, Draft& draft)
{
    if (!is_yes(line.value))
        draft.leave(line, "a socket that nobody listens at is always replaced");
}

void log_facility(const Line& line, Draft& draft)
{
    const auto word = lower(line.value);
    draft.set("log.facility", word.starts_with("log_") ? word.substr(4) : word,
              line);
}

void log_verbose(const Line& line, Draft& draft)
{
    if (is_yes(line.value))
        draft.set("log.level", "debug", line);
}

void log_syslog(const Line& line, Draft& draft)
{
    if (!is_yes(line.value))
        draft.leave(line, "syslog is always written");
}

/// A rule that takes a value as it is.
template <const char* const& name>
void same(const Line& line, Draft& draft)
{
    draft.set(name, line.value, line);
}

constexpr const char* group = "virus.socket_group";
constexpr const char* mode = "virus.socket_mode";
constexpr const char* pid = "virus.pid_file";
constexpr const char* temp = "virus.temp_dir";

void read_timeout(const Line& line, Draft& draft)
{
    draft.set("virus.clamd.timeout",
              line.value == "0" ? "1h" : line.value + "s", line);
}

void reject_msg(const Line& line, Draft& draft)
{
    auto text = line.value;
    std::erase(text, '"');
    draft.set("virus.reject_text", reject_text(text), line);
}

const std::vector<Rule>& rules()
{
    static const std::vector<Rule> all{
        {"", "Example", nullptr, "the file is a sample that was never in use"},
        {"", "MilterSocket", milter_socket},
        {"", "MilterSocketGroup", same<group>},
        {"", "MilterSocketMode", same<mode>},
        {"", "FixStaleSocket", stale_socket},
        {"", "User", nullptr, "the unit starts virus-milter -u postern-virus"},
        {"", "AllowSupplementaryGroups", nullptr, ""},
        {"", "ReadTimeout", read_timeout},
        {"", "Foreground", nullptr, "a flag, -f"},
        {"", "Chroot", nullptr,
         "workers of virus-scanner are locked down by seccomp and Landlock"},
        {"", "PidFile", same<pid>},
        {"", "TemporaryDirectory", same<temp>},
        {"", "ClamdSocket", clamd_socket},
        {"", "LocalNet", local_net},
        {"", "AllowList", nullptr, ""},
        {"", "Whitelist", nullptr, ""},
        {"", "SkipAuthenticated", skip_authenticated},
        {"", "MaxFileSize", max_file_size},
        {"", "OnClean", on_clean},
        {"", "OnInfected", on_infected},
        {"", "OnFail", on_fail},
        {"", "RejectMsg", reject_msg},
        {"", "AddHeader", add_header},
        {"", "ReportHostname", nullptr,
         "the header has the name of the host, $j"},
        {"", "VirusAction", nullptr,
         "no program is started: virus.notify and log.decisions tell of it"},
        {"", "LogFile", nullptr, "syslog is written, and log.decisions"},
        {"", "LogFileUnlock", nullptr, "there is no log file"},
        {"", "LogFileMaxSize", nullptr, "logrotate does it"},
        {"", "LogTime", nullptr, "syslog has the time"},
        {"", "LogRotate", nullptr, "logrotate does it"},
        {"", "LogSyslog", log_syslog},
        {"", "LogFacility", log_facility},
        {"", "LogVerbose", log_verbose},
        {"", "LogInfected", nullptr, "each verdict is logged, once"},
        {"", "LogClean", nullptr, "each verdict is logged, once"},
        {"", "SupportMultipleRecipients", nullptr,
         "each recipient is judged by his own group"},
    };
    return all;
}

bool is_allow_list(const Line& line)
{
    const auto key = lower(line.key);
    return key == "allowlist" || key == "whitelist";
}

/// `From:regex`, `To:regex`, `!From:...` or a regex of recipients.
void allowed(const Line& entry, Draft& draft)
{
    const auto in = draft.next("virus.groups");
    auto pattern = entry.value;
    const bool from = lower(pattern).starts_with("from:");
    const bool to = lower(pattern).starts_with("to:");
    if (pattern.starts_with('!'))
        return draft.leave(entry, "a line with ! has no counterpart");
    if (from || to)
        pattern.erase(0, pattern.find(':') + 1);
    if (from)
        return draft.leave(entry, exempts_senders);
    draft.set(in + "name", "allowed-" + std::to_string(entry.number), entry);
    draft.set(in + "priority", "1000", entry);
    draft.append(in + "recipients", "re:.*(" + pattern + ").*", entry);
    draft.set(in + "scan", "no", entry);
}

/// What counts there where the file says nothing, and differs from ours.
void set_defaults(const std::string& path, const std::vector<Line>& lines,
                  Draft& draft)
{
    const Line no_header{path + " (default)", 0, "", "AddHeader", "No"};
    if (std::none_of(lines.begin(), lines.end(), [](const Line& line) {
            return lower(line.key) == "addheader";
        }))
        add_header(no_header, draft);
    const Line infected{path + " (default)", 0, "", "OnInfected", "Quarantine"};
    if (!draft.has("virus.actions.infected"))
        on_infected(infected, draft);
    const Line size{path + " (default)", 0, "", "MaxFileSize", "25M"};
    if (!draft.has("virus.max_message"))
        max_file_size(size, draft);
}

}  // namespace

std::vector<std::string> allow_lists(const Source& conf)
{
    std::vector<std::string> paths;
    for (const auto& line : word_lines(conf))
        if (is_allow_list(line))
            paths.push_back(line.value);
    return paths;
}

void read_clamav_milter(const Source& conf, const std::vector<Source>& lists,
                        Draft& draft)
{
    const auto lines = word_lines(conf);
    for (const auto& line : lines)
        apply(line, rules(), draft);
    set_defaults(conf.path, lines, draft);
    for (const auto& list : lists)
        for (auto line : word_lines(list)) {
            line.value = line.key;
            line.key = "AllowList";
            allowed(line, draft);
        }
}

}  // namespace policy::migrate
