#include "milters/postern/latin1.h"

namespace milters::postern {
namespace {

/// Bytes that follow the first one of a character.
int continuation(unsigned char first)
{
    return first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
}

}  // namespace

std::string to_bytes(std::string_view utf8)
{
    std::string out;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto c = static_cast<unsigned char>(utf8[i]);
        const int more = continuation(c);
        if (more == 1 && c <= 0xc3 && i + 1 < utf8.size())
            out += static_cast<char>(
                ((c & 3U) << 6) |
                (static_cast<unsigned char>(utf8[i + 1]) & 0x3fU));
        else
            out += more ? '?' : static_cast<char>(c);
        i += static_cast<std::size_t>(more);
    }
    return out;
}

std::string to_utf8(std::string_view bytes)
{
    std::string out;
    for (const char c : bytes) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 0x80) {
            out += c;
        } else {
            out += static_cast<char>(0xc0U | (u >> 6));
            out += static_cast<char>(0x80U | (u & 0x3fU));
        }
    }
    return out;
}

std::string bytes_at(const nlohmann::json& object, const char* member,
                     std::string_view fallback)
{
    const auto found = object.find(member);
    if (found == object.end() || found->is_null())
        return std::string{fallback};
    return to_bytes(found->get_ref<const std::string&>());
}

}  // namespace milters::postern
