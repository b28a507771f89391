#include "policy/postfix/main_cf.h"

#include "policy/postfix/lines.h"
#include "policy/sendmail/words.h"
#include "policy/text_file.h"

namespace policy::postfix {
namespace {

using sendmail::trimmed;

constexpr int most_depth = 20;  ///< settings in settings

/// Defaults of postconf(5).
const std::map<std::string, std::string> defaults{
    {"mail_owner", "postfix"},
    {"milter_content_timeout", "300s"},
    {"milter_default_action", "tempfail"},
    {"queue_directory", "/var/spool/postfix"},
    {"smtpd_relay_restrictions",
     "permit_mynetworks, permit_sasl_authenticated, "
     "defer_unauth_destination"},
    {"smtpd_sasl_path", "smtpd"},
    {"smtpd_sasl_security_options", "noanonymous"},
    {"smtpd_sasl_type", "cyrus"}};

bool is_name(char c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
}

}  // namespace

std::vector<std::string> words_of(std::string_view text)
{
    constexpr std::string_view separators = ", \t\r\n";
    std::vector<std::string> all;
    while (!(text = text.substr(
                 std::min(text.find_first_not_of(separators), text.size())))
                .empty()) {
        const auto close = text.front() == '{' ? closing(text) : text.npos;
        if (close != text.npos) {
            all.emplace_back(trimmed(text.substr(1, close - 1)));
            text.remove_prefix(close + 1);
            continue;
        }
        const auto end = std::min(text.find_first_of(separators), text.size());
        all.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return all;
}

Result<Settings> Settings::read(const std::string& path)
{
    const auto text = text_of_file(path);
    if (!text)
        return fail(text.error());
    return parse(*text, path);
}

Settings Settings::parse(std::string_view text, const std::string& path)
{
    Settings settings;
    for (const auto& line : logical_lines(text)) {
        const auto [name, value] = parted(line.text);
        settings.settings_[name] = {path, line.number, value};
    }
    return settings;
}

Settings Settings::with(const std::map<std::string, Setting>& others) const
{
    auto settings = *this;
    for (const auto& [name, setting] : others)
        settings.settings_[name] = setting;
    return settings;
}

Setting Settings::raw(const std::string& name) const
{
    if (const auto found = settings_.find(name); found != settings_.end())
        return found->second;
    const auto usual = defaults.find(name);
    return {"", 0, usual == defaults.end() ? "" : usual->second};
}

std::string Settings::value(const std::string& name) const
{
    return expanded(raw(name).value, 0);
}

std::vector<std::string> Settings::words(const std::string& name) const
{
    return words_of(value(name));
}

std::string Settings::expanded(std::string_view text, int depth) const
{
    std::string out;
    while (!text.empty()) {
        const char next = text.size() > 1 ? text[1] : '\0';
        if (text.front() != '$' ||
            (next != '$' && next != '{' && next != '(' && !is_name(next))) {
            out += text.front();
            text.remove_prefix(1);
            continue;
        }
        text.remove_prefix(1);
        std::size_t end = 0;
        if (next == '$') {
            out += '$';
            end = 1;
        } else if (is_name(next)) {
            while (end < text.size() && is_name(text[end]))
                ++end;
            out += reference(text.substr(0, end), depth);
        } else {
            end = std::min(closing(text), text.size() - 1);
            out += reference(text.substr(1, end - 1), depth);
            ++end;
        }
        text.remove_prefix(end);
    }
    return out;
}

/// `name`, `name?text` or `name:text`.
std::string Settings::reference(std::string_view text, int depth) const
{
    if (depth > most_depth)
        return {};
    const auto end = std::min(text.find_first_of("?:"), text.size());
    const auto value = expanded(
        raw(std::string{trimmed(text.substr(0, end))}).value, depth + 1);
    if (end == text.size())
        return value;
    auto other = trimmed(text.substr(end + 1));
    if (other.starts_with('{') && other.ends_with('}'))
        other = trimmed(other.substr(1, other.size() - 2));
    return value.empty() == (text[end] == ':') ? expanded(other, depth + 1)
                                               : std::string{};
}

}  // namespace policy::postfix
