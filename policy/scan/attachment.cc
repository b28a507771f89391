#include "policy/scan/attachment.h"

#include <algorithm>

#include "policy/scan/field.h"
#include "policy/tokens.h"

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;
constexpr std::size_t max_name = 255;

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

/// Bytes that quoted-printable stands for.
std::uint64_t printed_size(std::string_view body)
{
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < body.size(); ++i) {
        const bool escape = body[i] == '=';
        const bool soft_end = escape && body.substr(i + 1, 2) == "\r\n";
        size += !soft_end;
        i += escape ? 2 : 0;
    }
    return size;
}

/// What a reader would save, without unpacking it.
std::uint64_t decoded_size(std::string_view header, std::string_view body)
{
    const auto coding =
        first_word(header_value(header, "content-transfer-encoding"));
    if (coding == "quoted-printable")
        return printed_size(body);
    if (coding != "base64")
        return body.size();
    const auto digits = std::count_if(body.begin(), body.end(), [](char c) {
        const char low = fold(c);
        return (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/';
    });
    return static_cast<std::uint64_t>(digits) * 3 / 4;
}

}  // namespace

std::string file_name(std::string_view header)
{
    const auto named =
        parameter(header_value(header, "content-disposition"), "filename");
    if (!named.empty())
        return cut(named);
    return cut(parameter(header_value(header, "content-type"), "name"));
}

std::string media_type(std::string_view header)
{
    const std::string out = first_word(header_value(header, "content-type"));
    return out.empty() ? "text/plain" : out;
}

std::optional<std::vector<Part>> named_parts(std::string_view message,
                                             std::size_t most)
{
    const auto leaves = parts_of(message, most);
    if (!leaves)
        return std::nullopt;
    std::vector<Part> out;
    for (const Leaf& leaf : *leaves) {
        const auto header = message.substr(leaf.begin, leaf.body - leaf.begin);
        const std::string type = media_type(header);
        if (leaf.begin == 0 && type.starts_with("multipart/"))
            return std::nullopt;  // without a boundary
        const auto size = decoded_size(
            header, message.substr(leaf.body, leaf.end - leaf.body));
        out.push_back({file_name(header), "", size, 1, false, type});
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
