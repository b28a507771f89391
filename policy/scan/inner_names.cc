#include "policy/scan/inner_names.h"

#include <algorithm>
#include <charconv>

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;
/// More than any message has of them in good faith.
constexpr std::size_t max_names = 1000;

/// `width` bytes as a number, the lowest first; 0 beyond the end.
std::uint64_t number_at(std::string_view bytes, std::size_t at,
                        std::size_t width)
{
    std::uint64_t n = 0;
    if (at > bytes.size() || bytes.size() - at < width)
        return 0;
    for (std::size_t i = width; i > 0; --i)
        n = n << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    return n;
}

/// From `at` up to a NUL or the end.
std::string_view text_at(std::string_view bytes, std::size_t at)
{
    const auto rest = bytes.substr(std::min(at, bytes.size()));
    return rest.substr(0, rest.find('\0'));
}

Part named(std::string_view name, std::uint64_t size)
{
    return {std::string{name}, "", size, 1, false};
}

std::vector<Part> name_in_gzip(std::string_view bytes)
{
    constexpr std::size_t header = 10;
    if (bytes.size() < header + 8 || !bytes.starts_with("\x1f\x8b"))
        return {};
    const auto flags = static_cast<unsigned char>(bytes[3]);
    std::size_t at = header;
    if (flags & 4)
        at += 2 + number_at(bytes, at, 2);
    if (!(flags & 8))
        return {};
    return {named(text_at(bytes, at), number_at(bytes, bytes.size() - 4, 4))};
}

/// ASCII of UTF-16; what is none becomes `_`.
std::string from_utf16(std::string_view bytes)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) {
        const auto c = number_at(bytes, i, 2);
        if (c == 0)
            break;
        out += c < 0x80 ? static_cast<char>(c) : '_';
    }
    return out;
}

/// PR_ATTACH_LONG_FILENAME among the properties of an attachment.
std::string long_name(std::string_view properties)
{
    for (const char type : {'\x1e', '\x1f'}) {
        const char tag[] = {type, '\0', '\x07', '\x37'};
        const auto found = properties.find(std::string_view{tag, sizeof tag});
        if (found == npos)
            continue;
        const auto size = number_at(properties, found + 8, 4);
        const auto at = std::min(found + 12, properties.size());
        const auto value = properties.substr(at, size);
        return type == '\x1f' ? from_utf16(value)
                              : std::string{text_at(value, 0)};
    }
    return {};
}

std::vector<Part> names_in_tnef(std::string_view bytes)
{
    constexpr unsigned data = 0x800f;
    constexpr unsigned title = 0x8010;
    constexpr unsigned properties = 0x9005;
    constexpr std::size_t head = 9;  // level, attribute, length
    std::vector<Part> out;
    std::uint64_t size = 0;
    for (std::size_t at = 6;
         at + head <= bytes.size() && out.size() < max_names;) {
        const auto attribute = number_at(bytes, at + 1, 2);
        const auto length = number_at(bytes, at + 5, 4);
        const auto value = bytes.substr(at + head, length);
        if (attribute == data)
            size = length;
        else if (attribute == title)
            out.push_back(named(text_at(value, 0), size));
        else if (attribute == properties)
            if (const auto name = long_name(value); !name.empty())
                out.push_back(named(name, size));
        at += head + length + 2;
    }
    return out;
}

/// `begin 644 name`: the name, or empty.
std::string_view begun(std::string_view line)
{
    const bool base64 = line.starts_with("begin-base64 ");
    if (!base64 && !line.starts_with("begin "))
        return {};
    line.remove_prefix(base64 ? 13 : 6);
    const auto mode = line.find_first_not_of("01234567");
    if (mode == npos || mode < 3 || mode > 4 || line[mode] != ' ')
        return {};
    line.remove_prefix(mode);
    return line.substr(std::min(line.find_first_not_of(' '), line.size()));
}

/// `=ybegin line=128 size=123 name=x`
Part begun_yenc(std::string_view line)
{
    Part part;
    const auto name = line.find(" name=");
    if (!line.starts_with("=ybegin ") || name == npos)
        return part;
    part = named(line.substr(name + 6), 0);
    if (const auto size = line.find(" size="); size < name)
        std::from_chars(line.data() + size + 6, line.data() + name, part.size);
    return part;
}

}  // namespace

std::vector<Part> names_in(std::string_view type, std::string_view bytes)
{
    if (type == "CL_TYPE_GZ")
        return name_in_gzip(bytes);
    if (type == "CL_TYPE_TNEF")
        return names_in_tnef(bytes);
    return {};
}

std::vector<Part> names_in_lines(std::string_view message)
{
    std::vector<Part> out;
    bool open = false;  // uuencoded: its lines tell their length
    for (std::size_t at = 0; at < message.size() && out.size() < max_names;) {
        const auto end = std::min(message.find('\n', at), message.size());
        auto line = message.substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        Part part = begun_yenc(line);
        if (const auto name = begun(line); !name.empty())
            part = named(name, 0);
        if (!part.name.empty()) {
            out.push_back(std::move(part));
            open = line[0] == 'b';
        } else if (open && (line == "end" || line.starts_with("=y"))) {
            open = false;
        } else if (open && line.starts_with("M")) {
            out.back().size += 45;
        } else if (open && !line.empty() && line[0] > ' ' && line[0] < 'M') {
            out.back().size += static_cast<unsigned>(line[0] - ' ');
        }
    }
    return out;
}

bool is_made_up(std::string_view name)
{
    constexpr std::string_view begin = "clamav-";
    constexpr std::string_view end = ".tmp";
    return name.starts_with(begin) && name.ends_with(end) &&
           name.size() == begin.size() + 32 + end.size();
}

}  // namespace policy::scan
