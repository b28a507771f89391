// Entries of access.db that are wrong by their tag: limits, what STARTTLS has
// to give, and values that sendmail cannot cut into tokens.
#include <memory_resource>

#include "policy/map/access_lint_checks.h"
#include "policy/map/access_tag.h"

namespace policy::map::lint {
namespace {

using Kind = Finding::Kind;
using std::string_view;

constexpr std::array limits{"clientrate", "clientconn"};
constexpr std::array tls_tags{"tls_clt", "tls_srv", "tls_rcpt"};
const std::array<const OwnTag*, 2> own_tags{&virus_tag, &filter_tag};

const OwnTag* own_tag(const Entry& e)
{
    const auto found =
        std::find_if(own_tags.begin(), own_tags.end(),
                     [&](const OwnTag* tag) { return same(tag->name, e.tag); });
    return found == own_tags.end() ? nullptr : *found;
}

std::optional<Trouble> limit(const Entry& e, const LintOptions&)
{
    if (!among(limits, e.tag) || (!e.value.empty() && is_digit(e.value[0])))
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "no number counts as less than any: the client is always "
                   "refused",
                   "write a number, or 0 for no limit"};
}

/// `part` of `text` taken off its front.
bool take(string_view& text, string_view part)
{
    if (!starts(text, part))
        return false;
    text.remove_prefix(part.size());
    return true;
}

/// [PERM+|TEMP+](VERIFY[:bits]|ENCR:bits)[+...], folded, without blanks.
bool is_requirement(string_view text)
{
    if (!take(text, "perm+"))
        take(text, "temp+");
    const bool verify = take(text, "verify");
    if (!verify && !take(text, "encr"))
        return false;
    const auto bits = text.substr(0, text.find('+'));
    const bool more = bits.size() + 1 < text.size();
    if (bits.size() < text.size() && !more)
        return false;
    return bits.empty() ? verify : bits[0] == ':' && all_digits(bits.substr(1));
}

std::optional<Trouble> tls_requirement(const Entry& e, const LintOptions&)
{
    if (!among(tls_tags, e.tag) || e.value == "ok" ||
        unbalanced(e.value) != '\0')
        return std::nullopt;
    std::string text = e.value;
    std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
    if (is_requirement(text))
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   "no requirement that sendmail knows: any connection will do",
                   "write VERIFY, VERIFY:bits or ENCR:bits, behind PERM+ or "
                   "TEMP+ if you like, or OK"};
}

std::optional<Trouble> unbalanced_value(const Entry& e, const LintOptions&)
{
    const char c = own_tag(e) ? '\0' : unbalanced(e.value);
    if (c == '\0')
        return std::nullopt;
    return Trouble{Kind::dangerous,
                   std::string{"the whole is no value but an error: 553 "
                               "Unbalanced '"} +
                       c + "'",
                   "write the text without it, or in quotes: ERROR:\"550 "
                   "reason\""};
}

std::optional<Trouble> own_action(const Entry& e, const LintOptions&)
{
    const OwnTag* const tag = own_tag(e);
    if (!tag || e.value.empty())
        return std::nullopt;
    std::pmr::monotonic_buffer_resource memory;
    const auto value = value_tokens(e.value, e.rest, &memory);
    if (!value.empty() && read_tag_value(value, *tag, &memory).understood)
        return std::nullopt;
    std::string words;
    for (const auto word : tag->actions)
        words.append(", ").append(word);
    return Trouble{Kind::dangerous,
                   std::string{tag->name} +
                       ": knows no such action: the mail is refused for now",
                   "write OK" + words + ", or a reply: 550 5.7.1 reason"};
}

constexpr Check checks[] = {limit, tls_requirement, unbalanced_value,
                            own_action};

}  // namespace

std::span<const Check> tag_checks()
{
    return checks;
}

}  // namespace policy::map::lint
