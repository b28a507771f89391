#include "policy/readings.h"

#include <optional>

namespace policy {
namespace {

constexpr std::size_t most_readings = 16;
constexpr auto npos = std::string::npos;

std::string_view without_brackets(std::string_view address)
{
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>')
        address = address.substr(1, address.size() - 2);
    return address;
}

/// An address as it is once its quoting is understood.
struct Plain {
    std::string text;
    std::size_t at = npos;  ///< the last @ that was not quoted
};

/// Without comments, blanks, quotes and backslashes.
Plain unquoted(std::string_view address)
{
    Plain out;
    bool quoted = false;
    int comments = 0;
    for (std::size_t i = 0; i < address.size(); ++i) {
        const char c = address[i];
        if (c == '\\' && i + 1 < address.size()) {
            if (comments == 0)
                out.text += address[i + 1];
            ++i;
        } else if (c == '"' && comments == 0) {
            quoted = !quoted;
        } else if (quoted) {
            out.text += c;
        } else if (c == '(') {
            ++comments;
        } else if (c == ')' && comments > 0) {
            --comments;
        } else if (comments == 0 && c != ' ' && c != '\t') {
            if (c == '@')
                out.at = out.text.size();
            out.text += c;
        }
    }
    return out;
}

/// `@a,@b:user@c` is user@c.
void drop_route(Plain& address)
{
    const auto colon = address.text.find(':');
    if (address.text.empty() || address.text[0] != '@' || colon == npos)
        return;
    address.text.erase(0, colon + 1);
    address.at = address.at == npos || address.at <= colon
                     ? npos
                     : address.at - colon - 1;
}

std::string joined(std::string_view local, std::string_view domain)
{
    while (!domain.empty() && domain.back() == '.')
        domain.remove_suffix(1);
    std::string out{local};
    if (!domain.empty())
        out.append("@").append(domain);
    return out;
}

/// Splits user@host, user%host and host!user; nothing if it is none of them.
struct Parts {
    std::string local, domain;
};
std::optional<Parts> parts_of(const std::string& text)
{
    for (const char sign : {'@', '%'})
        if (const auto at = text.rfind(sign); at != npos)
            return Parts{text.substr(0, at), text.substr(at + 1)};
    if (const auto bang = text.find('!'); bang != npos)
        return Parts{text.substr(bang + 1), text.substr(0, bang)};
    return std::nullopt;
}

}  // namespace

std::vector<std::string> readings(std::string_view address)
{
    Plain plain = unquoted(without_brackets(address));
    drop_route(plain);
    std::string local = plain.text.substr(0, plain.at);
    std::vector<std::string> out{
        joined(local, plain.at == npos ? "" : plain.text.substr(plain.at + 1))};
    while (const auto inner = parts_of(local)) {
        if (out.size() + 1 >= most_readings) {
            out.emplace_back();
            break;
        }
        out.push_back(joined(inner->local, inner->domain));
        local = inner->local;
    }
    return out;
}

}  // namespace policy
