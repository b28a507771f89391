#include "policy/sendmail/recipient.h"

#include <algorithm>

#include "policy/sendmail/words.h"

namespace policy::sendmail {

Address parted(std::string_view text)
{
    text = trimmed(text);
    if (text.starts_with('<') && text.ends_with('>'))
        text = text.substr(1, text.size() - 2);
    if (const auto colon = text.find(':');
        text.starts_with('@') && colon != text.npos)
        text.remove_prefix(colon + 1);
    const auto at = text.rfind('@');
    if (at == text.npos)
        return {std::string{text}, ""};
    auto domain = lower(text.substr(at + 1));
    while (domain.ends_with('.'))
        domain.pop_back();
    return {std::string{text.substr(0, at)}, domain};
}

std::string unquoted(std::string text)
{
    std::erase(text, '"');
    return text;
}

std::string before_plus(const std::string& user)
{
    return user.substr(0, user.find('+'));
}

std::string detail_of(const std::string& user)
{
    const auto plus = user.find('+');
    return plus == user.npos ? "" : user.substr(plus + 1);
}

std::string filled(const std::string& value,
                   const std::vector<std::string>& arguments)
{
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const bool marks = value[i] == '%' && i + 1 < value.size();
        const auto n = marks ? static_cast<std::size_t>(value[i + 1] - '0') : 0;
        if (marks && value[i + 1] == '%')
            out += value[++i];
        else if (marks && n >= 1 && n <= 9) {
            ++i;
            out += n <= arguments.size() ? arguments[n - 1] : "";
        } else
            out += value[i];
    }
    return out;
}

std::pair<std::string, std::string> mailer_and_host(const std::string& text,
                                                    const char* fallback)
{
    const auto colon = text.find(':');
    if (colon == text.npos || text.starts_with('['))
        return {fallback, text};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

std::string error_text(std::string_view value)
{
    value = trimmed(value);
    const auto first = value.substr(0, value.find_first_of(" :"));
    if (!first.empty())
        value.remove_prefix(std::min(first.size() + 1, value.size()));
    auto text = unquoted(std::string{trimmed(value)});
    const bool code = text.size() > 4 && text[3] == ' ' &&
                      text.find_first_not_of("0123456789") == 3;
    return code ? text.substr(4) : text;
}

}  // namespace policy::sendmail
