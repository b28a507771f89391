#include "policy/relayers/grant_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace policy::relayers {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view hex = "0123456789ABCDEF";

/// sendmail takes the value of a map apart as an address, and refuses mail
/// where these are unbalanced.
constexpr std::string_view brackets = "\"()<>\\%";

}  // namespace

std::string percent_encoded(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet > ' ' && octet < 0x7f && brackets.find(c) == brackets.npos) {
            out += c;
        } else {
            out += '%';
            out += hex[octet >> 4];
            out += hex[octet & 0xf];
        }
    }
    return out;
}

std::string percent_decoded(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned octet = 0;
        const char* const digits = text.data() + i + 1;
        if (text[i] == '%' && i + 2 < text.size() &&
            std::from_chars(digits, digits + 2, octet, 16).ptr == digits + 2) {
            out += static_cast<char>(octet);
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

namespace {

void append_word(std::string& value, std::string_view name,
                 std::string_view text)
{
    if (!text.empty())
        value.append(" ").append(name).append("=").append(
            percent_encoded(text));
}

std::string_view next_word(std::string_view& text)
{
    const auto start = text.find_first_not_of(blanks);
    if (start == text.npos)
        return text = {};
    text.remove_prefix(start);
    const auto word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

void keep_word(Grant& grant, std::string_view word)
{
    grant.unknown.append(grant.unknown.empty() ? "" : " ").append(word);
}

/// false for a time that is none.
bool set_word(Grant& grant, std::string_view word)
{
    const auto equals = word.find('=');
    if (equals == word.npos) {
        keep_word(grant, word);
        return true;
    }
    const auto name = word.substr(0, equals);
    const auto text = word.substr(equals + 1);
    if (name == "user")
        grant.user = percent_decoded(text);
    else if (name == "proto")
        grant.service = percent_decoded(text);
    else if (name == "until")
        grant.expires = parse_ticks(text);
    else if (name == "reason")
        grant.reason = percent_decoded(text);
    else if (name == "opener")
        grant.opener = ClientAddr::parse(text);
    else
        keep_word(grant, word);
    return name != "until" || grant.expires;
}

/// Whether sendmail can cut the text into tokens, each at most max_token long.
bool is_readable(std::string_view text)
{
    constexpr std::string_view ends = ".:%@!^/[]+ ";
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(ends), text.size());
        if (end > max_token)
            return false;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return true;
}

bool writable(Seconds time)
{
    const auto ticks = time.time_since_epoch().count();
    return ticks >= 0 && ticks <= max_ticks;
}

std::string ticks_text(Seconds time)
{
    return std::to_string(time.time_since_epoch().count());
}

}  // namespace

std::string key_of(const Network& network)
{
    std::string key = network.address().map_key();
    if (!network.is_host())
        key += "/" + std::to_string(network.bits());
    return key;
}

std::optional<Network> network_of(std::string_view key)
{
    return Network::parse(key);
}

Result<std::string> value_of(const Grant& grant)
{
    if (!writable(grant.login) || (grant.expires && !writable(*grant.expires)))
        return fail(Errc::usage, "time out of range");
    std::string value = ticks_text(grant.login);
    append_word(value, "user", grant.user);
    append_word(value, "proto", grant.service);
    if (grant.expires)
        append_word(value, "until", ticks_text(*grant.expires));
    append_word(value, "reason", grant.reason);
    if (grant.opener)
        append_word(value, "opener", grant.opener->map_key());
    if (!grant.unknown.empty())
        value.append(" ").append(grant.unknown);
    if (value.size() > max_value || !is_readable(value))
        return fail(Errc::usage, "user and reason are too long");
    return value;
}

std::optional<Grant> grant_of(std::string_view key, std::string_view value)
{
    const auto network = network_of(key);
    const auto login = parse_ticks(next_word(value));
    if (!network || !login)
        return std::nullopt;
    Grant grant{*network, *login};
    if (!read_words(value, grant))
        return std::nullopt;
    return grant;
}

bool read_words(std::string_view words, Grant& grant)
{
    for (auto word = next_word(words); !word.empty(); word = next_word(words))
        if (!set_word(grant, word))
            return false;
    return true;
}

std::optional<Seconds> parse_ticks(std::string_view text)
{
    std::int64_t ticks = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, ticks);
    if (ec != std::errc{} || rest != end || text.front() == '-' ||
        ticks > max_ticks)
        return std::nullopt;
    return Seconds{std::chrono::seconds{ticks}};
}

}  // namespace policy::relayers
