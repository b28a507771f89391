#include "policy/map/bdb_hash.h"

#include <bit>

namespace policy::map {
namespace {

// Where things are in the meta page.
constexpr std::size_t at_last_bucket = 72, at_high_mask = 76, at_low_mask = 80,
                      at_fill_factor = 84, at_count = 88, at_probe = 92,
                      at_spares = 96;
constexpr std::size_t spares = 32;

/// Unless the writer named a fill factor.
constexpr std::uint32_t first_buckets = 2;

/// Its hash is in the meta page, to tell one hash function from another.
constexpr std::string_view probe{"%$sniglet^&\0", 12};

/// __ham_func5 of libdb: the function of Fowler, Noll and Vo.
std::uint32_t hash_of(std::string_view key)
{
    constexpr std::uint32_t prime = 16777619;
    std::uint32_t hash = 0;
    for (const char c : key)
        hash = (hash * prime) ^ static_cast<unsigned char>(c);
    return hash;
}

}  // namespace

Buckets::Buckets(const Octets& meta, std::uint32_t last_page)
    : meta_{meta},
      last_{meta.u32(at_last_bucket)},
      high_mask_{meta.u32(at_high_mask)},
      low_mask_{meta.u32(at_low_mask)},
      own_hash_{meta.u32(at_probe) == hash_of(probe)}
{
    if (last_ >= last_page)
        throw Damaged{"damaged: more buckets than pages"};
}

/// What lies before the pages of the bucket's generation: each doubling of
/// the table has its pages in a row.
std::uint32_t Buckets::spare(std::uint32_t bucket) const
{
    const auto generation = static_cast<std::size_t>(std::bit_width(bucket));
    if (generation >= spares)
        throw Damaged{"damaged: too many buckets"};
    return meta_.u32(at_spares + 4 * generation);
}

std::uint32_t Buckets::page_of(std::uint32_t bucket) const
{
    return bucket + spare(bucket);
}

bool Buckets::may_be_unwritten(std::uint32_t bucket) const
{
    if (meta_.u32(at_fill_factor) != 0)  // began with any number of buckets
        return spare(bucket) == spare(0);
    return bucket < first_buckets && last_ < bucket + first_buckets;
}

bool Buckets::belongs(std::string_view key, std::uint32_t bucket) const
{
    if (!own_hash_)
        return true;
    const std::uint32_t hash = hash_of(key);
    const std::uint32_t found = hash & high_mask_;
    return (found > last_ ? hash & low_mask_ : found) == bucket;
}

bool Buckets::has_lost_some(std::size_t entries) const
{
    const std::uint32_t count = meta_.u32(at_count);
    return count >= expected_entries && count - expected_entries > entries;
}

}  // namespace policy::map
