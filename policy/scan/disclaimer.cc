#include "policy/scan/disclaimer.h"

#include <algorithm>

#include "policy/scan/attachment.h"
#include "policy/scan/field.h"
#include "policy/tokens.h"

namespace policy::scan {
namespace {

constexpr auto npos = std::string_view::npos;

std::string lowered(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(), fold);
    return text;
}

std::string with_crlf(const std::string& text)
{
    std::string out;
    for (const char c : text)
        if (c == '\n')
            out += "\r\n";
        else if (c != '\r')
            out += c;
    return out.ends_with("\r\n") ? out : out + "\r\n";
}

/// `=` and bytes that quoted-printable must write as `=XX`.
std::string quoted_printable(const std::string& text)
{
    std::string out;
    std::size_t column = 0;
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        const bool plain =
            c == '\r' || c == '\n' || (u >= ' ' && u <= '~' && c != '=');
        if (column > 70 && c != '\r' && c != '\n') {
            out += "=\r\n";
            column = 0;
        }
        if (plain) {
            out += c;
        } else {
            out += '=';
            out += "0123456789ABCDEF"[u >> 4];
            out += "0123456789ABCDEF"[u & 15];
        }
        column = c == '\n' ? 0 : column + (plain ? 1 : 3);
    }
    return out;
}

bool is_ascii(const std::string& text)
{
    return std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x80;
    });
}

bool is_protected(std::string_view header, std::string_view body,
                  const std::string& type)
{
    return !header_value(header, "dkim-signature").empty() ||
           type == "multipart/signed" || type == "multipart/encrypted" ||
           type.find("pkcs7") != std::string::npos ||
           body.find("-----BEGIN PGP") != npos;
}

/// As a part before the closing delimiter of the outermost multipart.
std::optional<std::string> as_part(std::string_view header,
                                   std::string_view body,
                                   const std::string& text)
{
    const std::string close = "\r\n--" + boundary_of(header) + "--";
    const auto end = body.rfind(close);
    if (boundary_of(header).empty() || end == npos)
        return std::nullopt;
    const std::string part =
        "\r\n--" + boundary_of(header) +
        "\r\nContent-Type: text/plain; charset=" +
        (is_ascii(text) ? "us-ascii" : "utf-8") +
        "\r\nContent-Disposition: inline\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n" +
        quoted_printable(text);
    return std::string{body.substr(0, end)} + part +
           std::string{body.substr(end)};
}

}  // namespace

std::optional<std::string> body_with_disclaimer(std::string_view message,
                                                const std::string& text)
{
    const auto end = message.find("\r\n\r\n");
    if (end == npos)
        return std::nullopt;
    const auto header = message.substr(0, end + 4);
    const auto body = message.substr(end + 4);
    const std::string type = media_type(header);
    if (is_protected(header, body, type))
        return std::nullopt;
    const std::string below = with_crlf(text);
    if (type == "multipart/mixed")
        return as_part(header, body, below);
    if (type != "text/plain")
        return std::nullopt;
    std::string coding =
        lowered(header_value(header, "content-transfer-encoding"));
    coding.erase(std::remove(coding.begin(), coding.end(), ' '), coding.end());
    std::string out{body};
    if (!out.empty() && !out.ends_with("\r\n"))
        out += "\r\n";
    const std::string charset = lowered(header_value(header, "content-type"));
    if (!is_ascii(below) && charset.find("utf-8") == std::string::npos)
        return std::nullopt;
    if (coding == "quoted-printable")
        return out + quoted_printable(below);
    if (coding == "8bit" ||
        (is_ascii(below) && (coding.empty() || coding == "7bit")))
        return out + below;
    return std::nullopt;
}

}  // namespace policy::scan
