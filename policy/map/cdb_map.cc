#include "policy/map/cdb_map.h"

#include <algorithm>
#include <bit>

#include "policy/map/octets.h"

namespace policy::map {
namespace {

constexpr std::size_t tables = 256;
constexpr std::size_t pair = 8;
constexpr std::size_t head = tables * pair;

/// Where the records end and how many the tables say there are.
struct Outline {
    std::size_t end;
    std::size_t count = 0;
};

Outline outline(const Octets& file)
{
    Outline o{file.size()};
    std::size_t slots = 0;
    for (std::size_t i = 0; i < tables; ++i) {
        const std::size_t at = file.u32(i * pair);
        const std::size_t length = file.u32(i * pair + 4);
        if (at < head || at > file.size() || length > (file.size() - at) / pair)
            throw Damaged{"truncated or no cdb file"};
        o.end = std::min(o.end, at);
        slots += length;
        for (std::size_t s = 0; s < length; ++s)
            o.count += file.u32(at + s * pair + 4) != 0 ? 1U : 0U;
        if (slots > file.size() / pair)
            throw Damaged{"damaged: hash tables overlap"};
    }
    return o;
}

}  // namespace

Status visit_cdb(std::string_view octets, const Visit& visit)
try {
    const Octets file{octets, std::endian::native == std::endian::big};
    if (octets.size() < head)
        throw Damaged{"truncated or no cdb file"};
    const auto [end, count] = outline(file);
    std::size_t found = 0;
    for (std::size_t at = head; at < end; ++found) {
        const std::size_t key = file.u32(at);
        const std::size_t value = file.u32(at + 4);
        at += pair;
        if (key > end - at || value > end - at - key)
            throw Damaged{"damaged: a record reaches into the hash tables"};
        visit(file.sub(at, key), file.sub(at + key, value));
        at += key + value;
    }
    if (found != count)
        throw Damaged{"damaged: " + std::to_string(found) + " of " +
                      std::to_string(count) + " entries found"};
    return {};
} catch (const Damaged& d) {
    return fail(Errc::format, d.what);
}

}  // namespace policy::map
