#include "policy/scan/field.h"

#include <algorithm>
#include <map>

#include "policy/tokens.h"

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;

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

/// Where the field that begins at `at` ends, its folded lines included.
std::size_t end_of_field(std::string_view header, std::size_t at)
{
    do {
        at = header.find('\n', at);
        at = at == npos ? header.size() : at + 1;
    } while (at < header.size() && (header[at] == ' ' || header[at] == '\t'));
    return at;
}

std::string unfolded(std::string_view text)
{
    std::string out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(out),
                 [](char c) { return c != '\r' && c != '\n'; });
    return out;
}

}  // namespace

std::vector<std::string_view> fields(std::string_view header)
{
    std::vector<std::string_view> out;
    for (std::size_t at = 0; at < header.size();) {
        const auto end = end_of_field(header, at);
        out.push_back(header.substr(at, end - at));
        at = end;
    }
    return out;
}

bool is_named(std::string_view field, std::string_view name)
{
    if (field.size() <= name.size() ||
        !std::equal(name.begin(), name.end(), field.begin(),
                    [](char a, char b) { return a == fold(b); }))
        return false;
    const auto colon = field.find_first_not_of(" \t", name.size());
    return colon != npos && field[colon] == ':';
}

std::vector<std::string> header_values(std::string_view header,
                                       std::string_view name)
{
    std::vector<std::string> out;
    for (const auto field : fields(header))
        if (is_named(field, name))
            out.push_back(unfolded(field.substr(field.find(':') + 1)));
    return out;
}

std::string header_value(std::string_view header, std::string_view name)
{
    auto all = header_values(header, name);
    return all.empty() ? std::string{} : std::move(all.front());
}

std::string without_comments(std::string_view value)
{
    std::string out;
    bool quoted = false;
    int depth = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
        const char c = value[i];
        const bool pair = c == '\\' && (quoted || depth > 0);
        if (c == '"' && depth == 0)
            quoted = !quoted;
        if (!quoted && c == '(')
            ++depth;
        if (depth == 0)
            out.append(value.substr(i, pair ? 2 : 1));
        if (!quoted && c == ')' && depth > 0)
            --depth;
        i += pair;
    }
    return out;
}

std::string first_word(std::string_view value)
{
    std::size_t at = 0;
    std::string out = take_piece(without_comments(value), at);
    std::transform(out.begin(), out.end(), out.begin(), fold);
    return out;
}

std::string parameter(std::string_view value, const std::string& name)
{
    std::map<int, std::string> pieces;
    std::string plain;
    for (const Parameter& one : parameters(value)) {
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
        const std::string piece =
            number == 0 && escaped ? without_charset(one.value) : one.value;
        pieces[number] = escaped ? without_escapes(piece, '%') : piece;
    }
    std::string joined;
    for (const auto& [number, piece] : pieces)
        joined += piece;
    return joined.empty() ? plain : joined;
}

}  // namespace policy::scan
