// Scalars and lists of postern.yaml: text to typed value and back.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "policy/config/values.h"

namespace policy::config {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t factor;
};

// Longest first where one name begins another; largest factor first.
constexpr std::array<Unit, 5> durations{{{"d", 86'400'000},
                                         {"h", 3'600'000},
                                         {"ms", 1},
                                         {"m", 60'000},
                                         {"s", 1000}}};
constexpr std::array<Unit, 4> sizes{
    {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1}}};

std::string quoted(std::string_view text)
{
    return "'" + std::string(text) + "'";
}

tl::unexpected<Error> wrong(std::string text)
{
    return fail(Errc::parse, std::move(text));
}

/// Leading digits of `text`, which are taken off it.  nullopt if there are
/// none or too many.
std::optional<std::int64_t> take_number(std::string_view& text)
{
    std::int64_t n = 0;
    if (text.empty() || text.front() < '0' || text.front() > '9')
        return std::nullopt;
    const auto [rest, ec] =
        std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc{})
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(rest - text.data()));
    return n;
}

/// Sum of numbers with units: 1h30m.  nullopt if malformed or too large.
template <std::size_t N>
std::optional<std::int64_t> with_units(std::string_view text,
                                       const std::array<Unit, N>& units)
{
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    if (text == "0")
        return 0;
    std::int64_t sum = 0;
    while (!text.empty()) {
        const auto n = take_number(text);
        const auto unit = std::find_if(
            units.begin(), units.end(),
            [&](const Unit& u) { return text.starts_with(u.name); });
        if (!n || unit == units.end() || *n > (largest - sum) / unit->factor)
            return std::nullopt;
        sum += *n * unit->factor;
        text.remove_prefix(unit->name.size());
    }
    return sum;
}

template <std::size_t N>
std::string in_units(std::int64_t value, const std::array<Unit, N>& units)
{
    if (value == 0)
        return "0";
    const Unit* best = nullptr;
    for (const auto& unit : units)
        if (value % unit.factor == 0 && (!best || unit.factor > best->factor))
            best = &unit;
    return std::to_string(value / best->factor) + std::string(best->name);
}

Result<std::int64_t> bounded(const Key& key, std::int64_t value,
                             const std::string& text)
{
    const auto name = [&](std::int64_t n) {
        if (key.type == Type::duration)
            return in_units(n, durations);
        return key.type == Type::size ? in_units(n, sizes) : std::to_string(n);
    };
    if (value < key.min || value > key.max)
        return wrong(quoted(text) + " is not between " + name(key.min) +
                     " and " + name(key.max));
    return value;
}

Result<Value> parse_duration(const Key& key, const std::string& text)
{
    const auto value = with_units(text, durations);
    if (!value || text.empty())
        return wrong(quoted(text) +
                     " is not a duration, such as 90s, 30m, 1h30m or 7d");
    const auto fits = bounded(key, *value, text);
    if (!fits)
        return fail(fits.error());
    return Milliseconds{*fits};
}

Result<Value> parse_number(const Key& key, const std::string& text)
{
    std::optional<std::int64_t> value;
    if (key.type == Type::size) {
        value = with_units(text, sizes);
    } else {
        std::int64_t n = 0;
        const char* const end = text.data() + text.size();
        const int base = key.type == Type::mode ? 8 : 10;
        const auto [rest, ec] = std::from_chars(text.data(), end, n, base);
        if (ec == std::errc{} && rest == end)
            value = n;
    }
    if (!value || text.empty())
        return wrong(quoted(text) + (key.type == Type::size
                                         ? " is not a size, such as 512K or 10M"
                                     : key.type == Type::mode
                                         ? " is not octal permission bits"
                                         : " is not a whole number"));
    const auto fits = bounded(key, *value, text);
    if (!fits)
        return fail(fits.error());
    return *fits;
}

Result<Value> parse_boolean(const std::string& text)
{
    for (const char* yes : {"true", "yes", "on"})
        if (text == yes)
            return true;
    for (const char* no : {"false", "no", "off"})
        if (text == no)
            return false;
    return wrong(quoted(text) + " is neither true nor false");
}

bool is_one_of(std::string_view choices, std::string_view word)
{
    while (!choices.empty()) {
        const auto blank = std::min(choices.find(' '), choices.size());
        if (choices.substr(0, blank) == word)
            return true;
        choices.remove_prefix(std::min(blank + 1, choices.size()));
    }
    return false;
}

Result<Value> parse_choice(const Key& key, const std::string& text)
{
    if (!is_one_of(key.choices, text))
        return wrong(quoted(text) +
                     " is not one of: " + std::string(key.choices));
    return text;
}

Result<Value> parse_text(const Key& key, const std::string& text)
{
    const bool many_lines = key.max > 0;
    for (const char c : text)
        if ((static_cast<unsigned char>(c) < ' ' || c == '\x7f') &&
            !(many_lines && (c == '\n' || c == '\t')))
            return wrong("control character in the value");
    if (many_lines && static_cast<std::int64_t>(text.size()) > key.max)
        return wrong("more than " + std::to_string(key.max) + " bytes");
    if (key.type == Type::path && !text.empty() && text.front() != '/')
        return wrong(quoted(text) + " is not an absolute path");
    return text;
}

Result<Value> parse_networks(const std::vector<std::string>& items)
{
    std::vector<Network> networks;
    for (const auto& item : items) {
        const auto network = Network::parse(item);
        if (!network)
            return wrong(quoted(item) +
                         " is not an address or a network (host bits must be "
                         "zero)");
        networks.push_back(*network);
    }
    return networks;
}

/// The members of `[a, b]` as the table writes lists.
std::vector<std::string> table_items(std::string_view text)
{
    std::vector<std::string> items;
    if (text.size() < 2)
        return items;
    text = text.substr(1, text.size() - 2);
    while (!text.empty()) {
        const auto comma = std::min(text.find(", "), text.size());
        items.emplace_back(text.substr(0, comma));
        text.remove_prefix(std::min(comma + 2, text.size()));
    }
    return items;
}

std::string octal(std::int64_t bits)
{
    std::array<char, 24> buffer{};
    const auto end = std::to_chars(buffer.begin(), buffer.end(), bits, 8).ptr;
    return "0" + std::string(buffer.begin(), end);
}

template <class T, class Text>
std::string joined(const std::vector<T>& items, Text text)
{
    std::string all;
    for (const auto& item : items)
        all += (all.empty() ? "" : ", ") + text(item);
    return "[" + all + "]";
}

}  // namespace

Result<Value> parse_scalar(const Key& key, const std::string& text)
{
    const auto as_value = [](Result<SocketSpec> spec) -> Result<Value> {
        if (!spec)
            return fail(spec.error());
        return *spec;
    };
    switch (key.type) {
        case Type::socket:
            return as_value(SocketSpec::parse(text));
        case Type::listen:
            return as_value(SocketSpec::parse_listen(text));
        case Type::duration:
            return parse_duration(key, text);
        case Type::size:
        case Type::count:
        case Type::mode:
            return parse_number(key, text);
        case Type::boolean:
            return parse_boolean(text);
        case Type::choice:
            return parse_choice(key, text);
        case Type::text:
        case Type::path:
            return parse_text(key, text);
        case Type::list:
        case Type::networks:
            break;
    }
    return wrong("a list is wanted");
}

Result<Value> parse_list(const Key& key, const std::vector<std::string>& items)
{
    if (key.type == Type::networks)
        return parse_networks(items);
    for (const auto& item : items) {
        if (item.empty())
            return wrong("an empty member");
        if (auto fine = parse_text(key, item); !fine)
            return fine;
        if (!key.choices.empty() && !is_one_of(key.choices, item))
            return wrong(quoted(item) +
                         " is not one of: " + std::string(key.choices));
    }
    return items;
}

Value default_of(const Key& key)
{
    const std::string text{key.fallback};
    if (key.type == Type::list || key.type == Type::networks)
        return parse_list(key, table_items(text)).value();
    return parse_scalar(key, text).value();
}

std::string text_of(const Key& key, const Value& value)
{
    if (const auto* spec = std::get_if<SocketSpec>(&value))
        return spec->text();
    if (const auto* time = std::get_if<Milliseconds>(&value))
        return in_units(time->count(), durations);
    if (const auto* flag = std::get_if<bool>(&value))
        return *flag ? "true" : "false";
    if (const auto* items = std::get_if<std::vector<std::string>>(&value))
        return joined(*items, [](const std::string& item) { return item; });
    if (const auto* nets = std::get_if<std::vector<Network>>(&value))
        return joined(*nets, [](const Network& net) { return net.text(); });
    if (const auto* n = std::get_if<std::int64_t>(&value))
        return key.type == Type::mode   ? octal(*n)
               : key.type == Type::size ? in_units(*n, sizes)
                                        : std::to_string(*n);
    return std::get<std::string>(value);
}

}  // namespace policy::config
