#include "policy/scan/attachment.h"

#include <algorithm>
#include <map>

#include "policy/tokens.h"

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::size_t max_name = 255;

/// A parameter as it stands in a header.
struct Parameter {
    std::string name;  ///< lower case: "filename", "filename*0*"
    std::string value;
};

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void trim(std::string& text)
{
    while (!text.empty() && is_blank(text.back()))
        text.pop_back();
    text.erase(0, std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

/// The text up to `;` outside of quotes, quotes and backslashes taken off.
std::string take_piece(std::string_view text, std::size_t& at)
{
    std::string out;
    bool quoted = false;
    for (; at < text.size() && (quoted || text[at] != ';'); ++at) {
        if (text[at] == '"')
            quoted = !quoted;
        else if (quoted && text[at] == '\\' && at + 1 < text.size())
            out += text[++at];
        else
            out += text[at];
    }
    ++at;
    trim(out);
    return out;
}

/// `type/subtype; name=value; ...`: the parameters.
std::vector<Parameter> parameters(std::string_view value)
{
    std::vector<Parameter> out;
    std::size_t at = 0;
    take_piece(value, at);
    while (at < value.size()) {
        std::string piece = take_piece(value, at);
        const auto equals = piece.find('=');
        if (equals == std::string::npos)
            continue;
        Parameter one{piece.substr(0, equals), piece.substr(equals + 1)};
        std::transform(one.name.begin(), one.name.end(), one.name.begin(),
                       fold);
        trim(one.name);
        trim(one.value);
        out.push_back(std::move(one));
    }
    return out;
}

int hex_digit(char c)
{
    const char low = fold(c);
    return c >= '0' && c <= '9'       ? c - '0'
           : low >= 'a' && low <= 'f' ? low - 'a' + 10
                                      : -1;
}

/// `%2E` (RFC 2231) or `=2E` (RFC 2047) as bytes.
std::string without_escapes(std::string_view text, char mark)
{
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (text[i] == mark && high >= 0 && low >= 0) {
            out += static_cast<char>(high * 16 + low);
            i += 2;
        } else {
            out += mark == '=' && text[i] == '_' ? ' ' : text[i];
        }
    }
    return out;
}

std::string without_base64(std::string_view text)
{
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
        if (v < 0)
            continue;
        bits = (bits << 6 | static_cast<unsigned>(v)) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xff);
        }
    }
    return out;
}

/// Encoded words (RFC 2047) anywhere in a text, as readers take them though
/// parameters may not have any.
std::string without_encoded_words(std::string_view text)
{
    std::string out;
    std::size_t at = 0;
    bool after_word = false;
    while (at < text.size()) {
        const auto start = text.find("=?", at);
        const auto kind = start == npos ? npos : text.find('?', start + 2);
        const auto end = kind == npos ? npos : text.find("?=", kind + 3);
        if (end == npos || text[kind + 2] != '?')
            break;
        std::string between{text.substr(at, start - at)};
        trim(between);
        if (!after_word || !between.empty())
            out.append(text.substr(at, start - at));
        const auto word = text.substr(kind + 3, end - kind - 3);
        out += fold(text[kind + 1]) == 'b' ? without_base64(word)
                                           : without_escapes(word, '=');
        after_word = true;
        at = end + 2;
    }
    return out.append(text.substr(std::min(at, text.size())));
}

/// `utf-8'en'na%20me`: what comes after the second quote.
std::string without_charset(const std::string& value)
{
    const auto first = value.find('\'');
    const auto second =
        first == std::string::npos ? first : value.find('\'', first + 1);
    return second == std::string::npos ? value : value.substr(second + 1);
}

/// The value of a parameter, its pieces put together (RFC 2231, 3).
std::string value_of(const std::vector<Parameter>& all, const std::string& name)
{
    std::map<int, std::string> pieces;
    std::string plain;
    for (const Parameter& one : all) {
        if (one.name == name)
            plain = without_encoded_words(one.value);
        if (!one.name.starts_with(name + "*"))
            continue;
        std::string_view rest{one.name};
        rest.remove_prefix(name.size() + 1);
        const bool escaped = rest.empty() || rest.ends_with('*');
        int number = 0;
        for (const char c : rest.substr(0, 3))
            if (c >= '0' && c <= '9')
                number = number * 10 + (c - '0');
        const std::string value =
            number == 0 && escaped ? without_charset(one.value) : one.value;
        pieces[number] = escaped ? without_escapes(value, '%') : value;
    }
    std::string joined;
    for (const auto& [number, piece] : pieces)
        joined += piece;
    return joined.empty() ? plain : joined;
}

std::string cut(std::string text)
{
    std::replace_if(
        text.begin(), text.end(),
        [](char c) { return static_cast<unsigned char>(c) < ' '; }, '_');
    if (text.size() > max_name)  // the end tells what it is
        text.erase(0, text.size() - max_name);
    return text;
}

/// ASCII that needs no quoting in any header or shell.
std::string harmless(const std::string& name)
{
    std::string out = name;
    std::replace_if(
        out.begin(), out.end(),
        [](char c) {
            const char low = fold(c);
            return !(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') &&
                   c != '.' && c != '-' && c != '_';
        },
        '_');
    return out.substr(0, 100);
}

}  // namespace

std::string file_name(std::string_view header)
{
    const auto named = value_of(
        parameters(header_value(header, "content-disposition")), "filename");
    if (!named.empty())
        return cut(named);
    return cut(
        value_of(parameters(header_value(header, "content-type")), "name"));
}

std::string media_type(std::string_view header)
{
    std::size_t at = 0;
    const std::string value = header_value(header, "content-type");
    std::string out = take_piece(value, at);
    std::transform(out.begin(), out.end(), out.begin(), fold);
    return out.empty() ? "text/plain" : out;
}

std::optional<std::vector<Part>> named_parts(std::string_view message)
{
    auto leaves = leaves_of(message);
    if (leaves.empty()) {
        const auto end = message.find("\r\n\r\n");
        const auto body = end == npos ? message.size() : end + 4;
        if (media_type(message.substr(0, body)).starts_with("multipart/"))
            return std::nullopt;
        leaves.push_back({0, body, message.size()});
    }
    std::vector<Part> out;
    for (const Leaf& leaf : leaves) {
        const auto header = message.substr(leaf.begin, leaf.body - leaf.begin);
        const auto coding = header_value(header, "content-transfer-encoding");
        std::uint64_t size = leaf.end - leaf.body;
        if (coding.find_first_of("bB") < coding.find_first_not_of(" \tbB"))
            size = size / 4 * 3;
        out.push_back(
            {file_name(header), "", size, 1, false, media_type(header)});
    }
    return out;
}

std::string with_renamed_files(std::string_view header,
                               const std::string& suffix)
{
    const std::string name = harmless(file_name(header)) + suffix;
    std::string out;
    for (std::size_t at = 0; at < header.size();) {
        // One field with its folded lines.
        auto end = header.find("\r\n", at);
        while (end != npos && end + 2 < header.size() &&
               (header[end + 2] == ' ' || header[end + 2] == '\t'))
            end = header.find("\r\n", end + 2);
        end = end == npos ? header.size() : end + 2;
        const auto field = header.substr(at, end - at);
        const std::string low = [&] {
            std::string text{field.substr(0, 20)};
            std::transform(text.begin(), text.end(), text.begin(), fold);
            return text;
        }();
        if (low.starts_with("content-disposition:"))
            out += "Content-Disposition: attachment;\r\n\tfilename=\"" + name +
                   "\"\r\n";
        else if (low.starts_with("content-type:"))
            out += "Content-Type: application/octet-stream;\r\n\tname=\"" +
                   name + "\"\r\n";
        else
            out += field;
        at = end;
    }
    return out;
}

}  // namespace policy::scan
