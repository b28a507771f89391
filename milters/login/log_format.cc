#include "milters/login/log_format.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "milters/login/http_report.h"
#include "milters/login/intake.h"
#include "milters/login/log_builtin.h"

namespace milters::login {
namespace {

std::string_view next_line(std::string_view& text)
{
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == text.npos ? std::string_view{} : text.substr(end + 1);
    return line;
}

std::string_view trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t\r");
    if (first == text.npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

/// Cuts the first word off `line`.
std::string_view word(std::string_view& line)
{
    const auto end = line.find_first_of(" \t");
    const auto first = line.substr(0, end);
    line = end == line.npos ? std::string_view{} : trimmed(line.substr(end));
    return first;
}

}  // namespace

std::vector<std::string> LogFormat::names()
{
    std::vector<std::string> all;
    for (const BuiltinFormat& f : builtin_formats())
        all.emplace_back(f.name);
    return all;
}

policy::Result<std::shared_ptr<const LogFormat>> LogFormat::make(
    const std::string& name_or_path)
{
    for (const BuiltinFormat& f : builtin_formats())
        if (f.name == name_or_path)
            return from_text(f.rules, std::string{f.name});
    if (name_or_path.find('/') == name_or_path.npos) {
        std::string known;
        for (const std::string& name : names())
            known += " " + name;
        return policy::fail(
            policy::Errc::usage,
            "'" + name_or_path + "': no log format; known:" + known);
    }
    std::ifstream in{name_or_path};
    std::ostringstream text;
    text << in.rdbuf();
    if (!in)
        return policy::fail(policy::Errc::io, name_or_path + ": cannot read");
    return from_text(text.str(), name_or_path);
}

policy::Result<std::shared_ptr<const LogFormat>> LogFormat::from_text(
    std::string_view text, const std::string& name)
{
    auto format = std::make_shared<LogFormat>();
    std::string service;
    int number = 0;
    const auto wrong = [&](const std::string& why) {
        return policy::fail(policy::Errc::parse,
                            name + ":" + std::to_string(number) + ": " + why);
    };
    while (!text.empty()) {
        auto line = trimmed(next_line(text));
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        const auto verb = word(line);
        if (verb == "service") {
            service = service_name(line);
            continue;
        }
        const auto rule = rule_of(verb);
        if (!rule)
            return wrong("'" + std::string{verb} + "': no rule");
        auto pattern = LogPattern::make(line);
        if (!pattern)
            return wrong(pattern.error().text);
        if (const char* lacks = missing(*rule, *pattern))
            return wrong(std::string{"the pattern has no "} + lacks);
        format->entries_.push_back({*rule, std::move(*pattern), service});
    }
    if (format->entries_.empty())
        return policy::fail(policy::Errc::parse, name + ": no pattern in it");
    return format;
}

std::optional<LogFormat::Rule> LogFormat::rule_of(std::string_view verb)
{
    if (verb == "login")
        return Rule::login;
    if (verb == "session")
        return Rule::session;
    if (verb == "passed")
        return Rule::passed;
    if (verb == "event")
        return Rule::event;
    return std::nullopt;
}

const char* LogFormat::missing(Rule rule, const LogPattern& pattern)
{
    const bool ip = pattern.has("ip") || pattern.has("ip4");
    const bool pid = pattern.has("pid");
    switch (rule) {
        case Rule::login:
            return ip ? nullptr : "{ip}";
        case Rule::session:
            return !ip ? "{ip}" : pid ? nullptr : "{pid}";
        case Rule::passed:
            return pid ? nullptr : "{pid}";
        case Rule::event:
            return pattern.has("json") ? nullptr : "{json}";
    }
    return nullptr;
}

std::optional<LogLogin> LogReader::read(std::string_view line,
                                        policy::Seconds now)
{
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    const auto stamp = read_stamp(line, now);
    if (!stamp)
        return std::nullopt;
    for (const auto& entry : format_->entries_)
        if (auto fields = entry.pattern.match(line, *stamp))
            return apply(entry, std::move(*fields));
    return std::nullopt;
}

std::optional<LogLogin> LogReader::apply(const LogFormat::Entry& entry,
                                         LogFields f)
{
    using Rule = LogFormat::Rule;
    if (f.service.empty())
        f.service = entry.service;
    const std::string key = f.host + '/' + f.pid;
    if (entry.rule == Rule::session) {
        remember(key, f.ip);
        return std::nullopt;
    }
    if (entry.rule == Rule::passed) {
        auto session = sessions_.extract(key);
        if (!session)
            return std::nullopt;
        f.ip = std::move(session.mapped().ip);
    }
    if (entry.rule == Rule::event) {
        const auto event = parse_event(f.json, Use::remote);
        if (event.outcome != HttpReport::Outcome::login)
            return std::nullopt;
        return LogLogin{event.ip, event.user, event.service, f.stamp,
                        event.method};
    }
    return LogLogin{std::move(f.ip), std::move(f.user), std::move(f.service),
                    f.stamp, std::move(f.method)};
}

void LogReader::remember(const std::string& key, const std::string& ip)
{
    sessions_[key] = {ip, ++serial_};
    order_.emplace_back(key, serial_);
    if (order_.size() <= max_sessions)
        return;
    const auto& [oldest, serial] = order_.front();
    const auto it = sessions_.find(oldest);
    if (it != sessions_.end() && it->second.serial == serial)
        sessions_.erase(it);
    order_.pop_front();
}

}  // namespace milters::login
