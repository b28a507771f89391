#include "policy/sendmail/cf.h"

#include <algorithm>
#include <charconv>

#include "policy/sendmail/words.h"
#include "policy/text_file.h"

namespace policy::sendmail {
namespace {

using namespace std::chrono_literals;

/// The value of `O Name=value`, if that is its name.
std::optional<std::string_view> value_of(const Line& line,
                                         std::string_view name)
{
    const std::string_view text{line.text};
    const auto equals = text.find('=');
    if (line.kind != 'O' || equals == text.npos ||
        lower(trimmed(text.substr(0, equals))) != lower(name))
        return std::nullopt;
    return trimmed(text.substr(equals + 1));
}

std::chrono::milliseconds unit(char letter)
{
    switch (letter) {
        case 'w':
            return 168h;
        case 'd':
            return 24h;
        case 'h':
            return 1h;
        case 'm':
            return 1min;
        default:
            return 1s;
    }
}

/// T=C:30s;S:30s;R:30s;E:5m
void read_timeouts(MailFilter& filter, std::string_view text)
{
    for (const auto& part : split(text, ";")) {
        const auto colon = part.find(':');
        if (colon == part.npos || (part.front() != 'E' && part.front() != 'e'))
            continue;
        if (const auto time = interval(part.substr(colon + 1)))
            filter.end_of_message = *time;
    }
}

MailFilter mail_filter(const Line& line)
{
    MailFilter filter;
    filter.line = line.number;
    const auto comma = line.text.find(',');
    filter.name = trimmed(std::string_view{line.text}.substr(0, comma));
    if (comma == line.text.npos)
        return filter;
    for (const auto& [letter, value] : fields(line.text.substr(comma + 1)))
        if (letter == 'S')
            filter.socket = value;
        else if (letter == 'F')
            filter.flags = value;
        else if (letter == 'T')
            read_timeouts(filter, value);
    return filter;
}

Daemon daemon(const Option& option)
{
    Daemon out;
    out.line = option.line;
    for (const auto& [letter, value] : fields(option.value))
        if (letter == 'N')
            out.name = value;
        else if (letter == 'P')
            out.port = value;
        else if (letter == 'A')
            out.address = value;
        else if (letter == 'M')
            out.modifiers = value;
        else if (letter == 'I')
            out.filters = split(value, "; \t");
    return out;
}

}  // namespace

std::optional<std::chrono::milliseconds> interval(std::string_view text)
{
    text = trimmed(text);
    std::chrono::milliseconds sum{0};
    if (text.empty())
        return std::nullopt;
    while (!text.empty()) {
        long n = 0;
        const char* const end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, n);
        if (error != std::errc{} || n < 0)
            return std::nullopt;
        sum += n * unit(rest == end ? 's' : *rest);
        text.remove_prefix(static_cast<std::size_t>(rest - text.data()) +
                           (rest == end ? 0 : 1));
    }
    return sum;
}

Result<Cf> Cf::read(const std::string& path)
{
    const auto text = text_of_file(path);
    if (!text)
        return fail(text.error());
    if (text->empty())
        return fail(Errc::parse, path + ": is empty");
    return parse(*text, path);
}

Cf Cf::parse(std::string_view text, std::string path)
{
    Cf cf;
    cf.path_ = std::move(path);
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty())
            continue;
        const bool goes_on = line.front() == ' ' || line.front() == '\t';
        if (goes_on && !cf.lines_.empty())
            cf.lines_.back().text.append(line);
        else
            cf.lines_.push_back(
                {line.front(), number, std::string{line.substr(1)}});
    }
    return cf;
}

std::vector<Option> Cf::options(std::string_view name) const
{
    std::vector<Option> all;
    for (const auto& line : lines_)
        if (const auto value = value_of(line, name))
            all.push_back({line.number, std::string{*value}});
    return all;
}

std::optional<Option> Cf::option(std::string_view name) const
{
    const auto all = options(name);
    return all.empty() ? std::nullopt : std::optional{all.back()};
}

std::optional<Option> Cf::macro(std::string_view name) const
{
    std::optional<Option> found;
    for (const auto& line : lines_)
        if (const auto [key, value] = named(line.text);
            line.kind == 'D' && key == name)
            found = Option{line.number, std::string{trimmed(value)}};
    return found;
}

std::vector<std::string> Cf::class_words(std::string_view name) const
{
    std::vector<std::string> words;
    for (const auto& line : lines_)
        if (const auto [key, value] = named(line.text);
            line.kind == 'C' && key == name)
            for (auto& word : split(value, blanks))
                words.push_back(std::move(word));
    return words;
}

std::string Cf::environment(std::string_view name) const
{
    std::string found;
    for (const auto& line : lines_)
        if (line.kind == 'E' && line.text.starts_with(std::string{name} + "="))
            found = line.text.substr(name.size() + 1);
    return found;
}

std::vector<MailFilter> Cf::mail_filters() const
{
    std::vector<MailFilter> all;
    for (const auto& line : lines_)
        if (line.kind == 'X')
            all.push_back(mail_filter(line));
    return all;
}

std::vector<MailFilter> Cf::input_filters() const
{
    const auto known = mail_filters();
    const auto used = option("InputMailFilters");
    std::vector<MailFilter> all;
    for (const auto& name : split(used ? used->value : "", ",; \t"))
        for (const auto& filter : known)
            if (filter.name == name)
                all.push_back(filter);
    return all;
}

std::vector<Daemon> Cf::daemons() const
{
    std::vector<Daemon> all;
    for (const auto& option : options("DaemonPortOptions"))
        all.push_back(daemon(option));
    return all;
}

int Cf::comment(std::string_view text) const
{
    for (const auto& line : lines_)
        if (line.kind == '#' && line.text.find(text) != line.text.npos)
            return line.number;
    return 0;
}

int Cf::ruleset(std::string_view name) const
{
    for (const auto& line : lines_)
        if (line.kind == 'S' &&
            line.text.substr(0, line.text.find_first_of("= \t")) == name)
            return line.number;
    return 0;
}

}  // namespace policy::sendmail
