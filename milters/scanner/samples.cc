#include "milters/scanner/samples.h"

#include <cstdint>
#include <string_view>

namespace milters::scanner {
namespace {

/// The EICAR test file (eicar.org), in pieces.
std::string eicar()
{
    return std::string{"X5O!P%@AP[4\\PZX54(P^)7CC)7}$"} + "EICAR-STANDARD" +
           "-ANTIVIRUS-TEST" + "-FILE!$H+H*";
}

std::string base64(std::string_view bytes)
{
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned long group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | (i + k < bytes.size()
                                      ? static_cast<unsigned char>(bytes[i + k])
                                      : 0U);
        for (std::size_t k = 0; k < 4; ++k)
            out += i + k <= bytes.size() ? letters[group >> (18 - 6 * k) & 63]
                                         : '=';
    }
    return out;
}

std::string mail(const std::string& parts)
{
    return "Received: from client.example by mail.example; "
           "Thu, 1 Jan 1970 00:00:00 +0000\r\n"
           "From: <a@example.org>\r\nTo: <b@example.org>\r\n"
           "Subject: self-test\r\nMIME-Version: 1.0\r\n" +
           parts;
}

std::string attachment(const std::string& type, const std::string& bytes)
{
    return mail(
        "Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n"
        "Content-Type: text/plain\r\n\r\nHello.\r\n--b\r\n"
        "Content-Type: " +
        type +
        "; name=\"sample\"\r\nContent-Transfer-Encoding: base64\r\n"
        "Content-Disposition: attachment; filename=\"sample\"\r\n\r\n" +
        base64(bytes) + "\r\n--b--\r\n");
}

/// One transparent pixel.
std::string gif()
{
    constexpr std::string_view bytes{
        "GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\4\1\0\0\0\0,\0\0\0\0\1"
        "\0\1\0\0\2\2D\1\0;",
        43};
    return std::string{bytes};
}

/// An unsigned number in so many octets, the lowest first.
std::string little(std::uint64_t number, unsigned octets)
{
    std::string out;
    for (unsigned i = 0; i < octets; ++i)
        out += static_cast<char>(number >> (8 * i) & 255);
    return out;
}

std::uint32_t crc32(std::string_view bytes)
{
    std::uint32_t crc = ~0U;
    for (const char c : bytes) {
        crc ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0U);
    }
    return ~crc;
}

/// A zip of one member that is not compressed (PKWARE, APPNOTE.TXT).
/// @param flags  1: encrypted
std::string zip(std::string_view name, std::string_view content,
                unsigned flags = 0)
{
    const std::string about =
        little(20, 2) + little(flags, 2) + little(0, 6) +
        little(crc32(content), 4) + little(content.size(), 4) +
        little(content.size(), 4) + little(name.size(), 2) + little(0, 2);
    const std::string member =
        "PK\3\4" + about + std::string{name} + std::string{content};
    const std::string list =
        "PK\1\2" + little(20, 2) + about + little(0, 14) + std::string{name};
    return member + list + "PK\5\6" + little(0, 4) + little(1, 2) +
           little(1, 2) + little(list.size(), 4) + little(member.size(), 4) +
           little(0, 2);
}

/// More than clamd.conf lets MaxRecursion be.
constexpr int too_deep = 110;

}  // namespace

std::string zip_too_deep()
{
    std::string content = "Nothing to be seen here.\r\n";
    for (int level = 0; level < too_deep; ++level)
        content = zip(level == 0 ? "a.txt" : "a.zip", content);
    return attachment("application/zip", content);
}

std::string encrypted_zip()
{
    constexpr unsigned encrypted = 1;
    return attachment("application/zip",
                      zip("a.txt", std::string(40, 'x'), encrypted));
}

std::vector<Sample> samples(bool with_eicar)
{
    std::vector<Sample> out{
        {"empty file", "", false},
        {"plain text", "Nothing to be seen here.\r\n", false},
        {"mail", mail("Content-Type: text/plain\r\n\r\nHello.\r\n"), false},
        {"HTML", "<html><body><p>Hello.</p></body></html>\r\n", false},
        {"image in mail", attachment("image/gif", gif()), false}};
    if (with_eicar) {
        out.push_back({"EICAR test file", eicar(), true});
        out.push_back({"EICAR test file in mail",
                       attachment("application/octet-stream", eicar()), true});
    }
    return out;
}

}  // namespace milters::scanner
