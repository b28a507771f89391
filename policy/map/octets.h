// Numbers in the octets of a map file.  For the readers of this folder only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace policy::map {

/// What a reader meets in a damaged file.  Thrown and caught within one
/// reader: the walk is deep, the way out short.
struct Damaged {
    std::string what;
};

/// Octets with their byte order.  Every read is checked, and throws Damaged.
class Octets {
public:
    /// @param swapped  whether the order is not this machine's
    Octets(std::string_view octets, bool swapped)
        : octets_{octets}, swapped_{swapped}
    {
    }
    std::uint8_t u8(std::size_t at) const { return read<std::uint8_t>(at); }
    std::uint16_t u16(std::size_t at) const
    {
        const auto v = read<std::uint16_t>(at);
        return swapped_ ? __builtin_bswap16(v) : v;
    }
    std::uint32_t u32(std::size_t at) const
    {
        const auto v = read<std::uint32_t>(at);
        return swapped_ ? __builtin_bswap32(v) : v;
    }
    std::string_view sub(std::size_t at, std::size_t size) const
    {
        if (at > octets_.size() || size > octets_.size() - at)
            throw Damaged{"damaged: an item reaches outside of its page"};
        return octets_.substr(at, size);
    }
    std::size_t size() const { return octets_.size(); }

private:
    template <class T>
    T read(std::size_t at) const
    {
        T v{};
        std::memcpy(&v, sub(at, sizeof v).data(), sizeof v);
        return v;
    }
    std::string_view octets_;
    bool swapped_;
};

}  // namespace policy::map
