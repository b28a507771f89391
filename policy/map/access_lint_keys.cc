// Keys of access.db that are never asked for.
#include "policy/address.h"
#include "policy/map/access_lint_checks.h"
#include "policy/map/text.h"

namespace policy::map::lint {
namespace {

using Kind = Finding::Kind;
using std::string_view;

std::string with_tag(const Entry& e, const std::string& rest)
{
    return "write " + (e.tag.empty() ? rest : e.tag + ":" + rest);
}

/// Groups of an IPv6 address, one colon between two: 2001:db8.
bool are_groups(string_view text)
{
    if (text.find(':') == text.npos || text.find("::") != text.npos ||
        text.back() == ':' || text.front() == ':')
        return false;
    std::size_t length = 0;
    for (const char c : text) {
        const bool hex = is_digit(c) || (c >= 'a' && c <= 'f');
        if (!hex && c != ':')
            return false;
        length = hex ? length + 1 : 0;
        if (length > 4)
            return false;
    }
    return true;
}

std::optional<Trouble> unknown_tag(const Entry& e, const LintOptions&)
{
    const auto colon = e.rest.find(':');
    if (!e.tag.empty() || colon == std::string::npos ||
        starts(e.rest, "ipv6:") || are_groups(e.rest) ||
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

/// With UseCompressedIPv6Addresses: whole addresses only, since a network is
/// the beginning of whatever the compressed spelling of its hosts is.
std::optional<Trouble> compressed_spelling(const Entry& e)
{
    const auto addr = ClientAddr::parse(e.rest);
    if (!addr || folded(addr->compressed_sendmail_text()) == e.rest)
        return std::nullopt;
    return Trouble{Kind::dead, "sendmail spells an IPv6 address compressed",
                   with_tag(e, addr->compressed_sendmail_text())};
}

std::optional<Trouble> ipv6_spelling(const Entry& e, const LintOptions& options)
{
    const bool tagged = starts(e.rest, "ipv6:");
    if (e.rest.find(':') == std::string::npos)
        return std::nullopt;
    if (options.compressed_ipv6)
        return compressed_spelling(e);
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
    if (are_groups(e.rest))
        return Trouble{Kind::dead, "IPv6 groups need the tag IPv6:",
                       with_tag(e, "IPv6:" + e.rest)};
    return std::nullopt;
}

/// Whether the key is an address or domain, which goes with action tags.
bool is_of_mail(const Entry& e)
{
    constexpr std::array others{"tls_rcpt", "virus", "filter"};
    return among(action_tags, e.tag) || among(others, e.tag);
}

std::optional<Trouble> domain_with_at(const Entry& e, const LintOptions&)
{
    if (!is_of_mail(e) || e.rest.size() < 2 || e.rest.front() != '@')
        return std::nullopt;
    return Trouble{Kind::dead, "a domain is asked for without @",
                   with_tag(e, e.rest.substr(1))};
}

std::optional<Trouble> angle_brackets(const Entry& e, const LintOptions&)
{
    if (!is_of_mail(e) || e.rest.find('"') != e.rest.npos ||
        e.rest.find_first_of("<>") == e.rest.npos)
        return std::nullopt;
    std::string bare = e.rest;
    std::erase_if(bare, [](char c) { return c == '<' || c == '>'; });
    if (bare.size() < 2)
        return Trouble{Kind::dead, "the empty sender is never asked for",
                       "take it away: mail from <> is not refused by entries"};
    return Trouble{Kind::dead, "an address is asked for without < and >",
                   with_tag(e, bare)};
}

std::optional<Trouble> octets(const Entry& e, const LintOptions&)
{
    if (e.rest.empty() ||
        e.rest.find_first_not_of("0123456789.") != e.rest.npos)
        return std::nullopt;
    constexpr auto most_dots = 3;
    if (e.rest.back() != '.' &&
        std::count(e.rest.begin(), e.rest.end(), '.') > most_dots)
        return Trouble{Kind::dead, "no address has more than four parts",
                       "write an address or its leading octets"};
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

constexpr Check checks[] = {unknown_tag,    cidr,           trailing_dot,
                            leading_dot,    wildcard,       ipv6_spelling,
                            domain_with_at, angle_brackets, octets};
}  // namespace

std::span<const Check> key_checks()
{
    return checks;
}

}  // namespace policy::map::lint
