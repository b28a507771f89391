#include "policy/scan/attachment.h"

#include <algorithm>

#include "policy/scan/field.h"
#include "policy/scan/inner_names.h"
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

std::vector<std::string> file_names(std::string_view header)
{
    const std::pair<const char*, const char*> places[] = {
        {"content-disposition", "filename"}, {"content-type", "name"}};
    std::vector<std::string> out;
    for (const auto& [field, name] : places)
        for (const std::string& value : header_values(header, field)) {
            const std::string one = cut(parameter(value, name));
            if (!one.empty() &&
                std::find(out.begin(), out.end(), one) == out.end())
                out.push_back(one);
        }
    return out;
}

std::string file_name(std::string_view header)
{
    auto all = file_names(header);
    return all.empty() ? std::string{} : std::move(all.front());
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
        auto names = file_names(header);
        if (names.empty())
            names.emplace_back();
        for (std::string& name : names)
            out.push_back({std::move(name), "", size, 1, false, type});
    }
    for (Part& part : names_in_lines(message))
        out.push_back(std::move(part));
    return out;
}

std::string with_renamed_files(std::string_view header,
                               const std::string& suffix)
{
    const std::string own = file_name(header);
    const std::string name = harmless(own.empty() ? "part" : own) + suffix;
    std::string out;
    for (const auto field : fields(header))
        if (!is_named(field, "content-disposition") &&
            !is_named(field, "content-type") && field != "\r\n")
            out += field;
    return out + "Content-Type: application/octet-stream;\r\n\tname=\"" + name +
           "\"\r\nContent-Disposition: attachment;\r\n\tfilename=\"" + name +
           "\"\r\n\r\n";
}

}  // namespace policy::scan
