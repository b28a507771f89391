#include "milters/net/netstring.h"

#include <charconv>

namespace milters::net {

std::string netstring(std::string_view bytes)
{
    std::string out = std::to_string(bytes.size());
    out += ':';
    out += bytes;
    out += ',';
    return out;
}

Frame take_netstring(std::string_view input, std::size_t max)
{
    const Frame bad{.kind = Frame::Kind::bad};
    const auto digits = input.find_first_not_of("0123456789");
    std::size_t size = 0;
    const auto number = input.substr(0, digits);
    const auto [end, ec] =
        std::from_chars(number.data(), number.data() + number.size(), size);
    if (!number.empty() && (ec != std::errc{} || size > max ||
                            (number.front() == '0' && number.size() > 1)))
        return bad;
    if (digits == std::string_view::npos)
        return {};
    if (number.empty() || input[digits] != ':')
        return bad;
    const auto begin = digits + 1;
    if (input.size() - begin <= size)
        return {};
    if (input[begin + size] != ',')
        return bad;
    return {Frame::Kind::request, begin + size + 1,
            std::string(input.substr(begin, size))};
}

}  // namespace milters::net
