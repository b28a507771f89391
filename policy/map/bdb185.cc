#include "policy/map/bdb185.h"

#include <bit>
#include <vector>

#include "policy/map/octets.h"

namespace policy::map {
namespace {

constexpr std::uint32_t hash_magic = 0x061561;
constexpr std::uint32_t btree_magic = 0x053162;
constexpr std::uint32_t hash_version = 2;
constexpr std::uint32_t little_endian = 1234;
constexpr std::uint32_t big_endian = 4321;
constexpr std::size_t header_size = 260;
constexpr std::uint32_t min_page = 64;
constexpr std::uint32_t max_page = 32768;
constexpr std::size_t spares = 32;

// Where things are in the header.
constexpr std::size_t at_version = 4, at_order = 8, at_page_size = 12,
                      at_max_bucket = 40, at_keys = 56, at_header_pages = 60,
                      at_spares = 68;

// What stands in an index in place of the offset of a value.
constexpr std::uint16_t overflow_page = 0;
constexpr std::uint16_t partial_key = 1;    // the key goes on
constexpr std::uint16_t full_key = 2;       // the value is on the next pages
constexpr std::uint16_t full_key_data = 3;  // the value begins or ends here
constexpr std::uint16_t first_offset = 4;

// An overflow address: group of buckets and page within the group.
constexpr unsigned group_shift = 11;
constexpr std::uint32_t group_mask = 0x1f;
constexpr std::uint32_t page_mask = (1U << group_shift) - 1;

constexpr bool native_is_little = std::endian::native == std::endian::little;

[[noreturn]] void damaged(const char* what)
{
    throw Damaged{std::string{"damaged: "} + what};
}

/// A page as an index of 16-bit numbers and the items behind them.
struct Page : Octets {
    using Octets::Octets;
    std::uint16_t word(std::size_t i) const { return u16(2 * i); }
    std::uint16_t entries() const { return word(0); }
    std::uint16_t free_space() const { return word(entries() + 1U); }
    /// Address of the page behind this one.
    std::uint16_t next() const
    {
        return entries() == 0 ? std::uint16_t{0} : word(entries() - 1U);
    }
    std::string_view between(std::size_t begin, std::size_t end) const
    {
        if (begin > end)
            damaged("items overlap");
        return sub(begin, end - begin);
    }
};

class Walker {
public:
    Walker(std::string_view file, const Visit& visit);
    void run();

private:
    void chain(std::uint32_t bucket);
    /// Visits the pairs of a page.  @return address of the next; 0: none
    std::uint16_t small_pairs(const Page& page);
    std::uint16_t large_pair(Page page);
    std::uint16_t rest_of_value(std::uint16_t address);
    std::uint32_t page_of_bucket(std::uint32_t bucket) const;
    Page page(std::uint32_t number);
    Page overflow(std::uint16_t address);
    void found(std::string_view key, std::string_view value);

    std::string_view file_;
    const Visit& visit_;
    Octets header_;
    std::uint32_t page_size_ = 0;
    bool swapped_ = false;
    std::vector<bool> seen_;
    std::uint32_t count_ = 0;
    std::string key_, value_;  ///< of a large pair
};

Walker::Walker(std::string_view file, const Visit& visit)
    : file_{file}, visit_{visit}, header_{file, native_is_little}
{
    if (file.size() < header_size)
        throw Damaged{"truncated: not even a whole header"};
    if (header_.u32(0) == btree_magic || header_.u32(0) != hash_magic)
        throw Damaged{"a btree of Berkeley DB 1.85, which is not supported"};
    if (header_.u32(at_version) != hash_version)
        throw Damaged{"a hash of Berkeley DB 1.85 in format " +
                      std::to_string(header_.u32(at_version)) +
                      ", which is not supported"};
    page_size_ = header_.u32(at_page_size);
    if (page_size_ < min_page || page_size_ > max_page ||
        !std::has_single_bit(page_size_))
        damaged("impossible page size");
    const auto order = header_.u32(at_order);
    if (order != little_endian && order != big_endian)
        damaged("impossible byte order");
    swapped_ = (order == little_endian) != native_is_little;
    seen_.resize(file.size() / page_size_ + 1);
}

void Walker::run()
{
    const auto last = header_.u32(at_max_bucket);
    // Pages of buckets behind the end of the file were never written, but
    // half of all buckets at least were once split from another.
    if (last / 2 > file_.size() / page_size_)
        damaged("more buckets than pages");
    for (std::uint32_t bucket = 0; bucket <= last; ++bucket)
        chain(bucket);
    if (count_ != header_.u32(at_keys))
        throw Damaged{"truncated or damaged: " + std::to_string(count_) +
                      " of " + std::to_string(header_.u32(at_keys)) +
                      " entries found"};
}

std::uint32_t Walker::page_of_bucket(std::uint32_t bucket) const
{
    const auto group = static_cast<std::size_t>(std::bit_width(bucket));
    if (group > spares)
        damaged("too many buckets");
    const std::uint32_t before =
        bucket == 0 ? 0 : header_.u32(at_spares + 4 * (group - 1));
    return bucket + header_.u32(at_header_pages) + before;
}

/// A page behind the end of the file is empty, as for its library.
Page Walker::page(std::uint32_t number)
{
    static const std::string empty(max_page, '\0');
    const std::size_t at = std::size_t{number} * page_size_;
    if (at >= file_.size())
        return {std::string_view{empty}.substr(0, page_size_), swapped_};
    if (file_.size() - at < page_size_)
        throw Damaged{"truncated within a page"};
    if (seen_[number])
        damaged("links lead in a circle");
    seen_[number] = true;
    return {file_.substr(at, page_size_), swapped_};
}

Page Walker::overflow(std::uint16_t address)
{
    const std::uint32_t group = (address >> group_shift) & group_mask;
    return page(page_of_bucket((std::uint32_t{1} << group) - 1) +
                (address & page_mask));
}

void Walker::found(std::string_view key, std::string_view value)
{
    ++count_;
    visit_(key, value);
}

void Walker::chain(std::uint32_t bucket)
{
    Page now = page(page_of_bucket(bucket));
    while (now.entries() != 0) {
        const bool large =
            now.word(2) < first_offset && now.word(2) != overflow_page;
        const auto next = large ? large_pair(now) : small_pairs(now);
        if (next == 0)
            return;
        now = overflow(next);
    }
}

std::uint16_t Walker::small_pairs(const Page& page)
{
    std::size_t end = page.size();
    for (std::size_t i = 1; i < page.entries(); i += 2) {
        const auto key = page.word(i);
        const auto value = page.word(i + 1);
        if (value == overflow_page)
            return key;
        if (value < first_offset)
            damaged("a large pair among small ones");
        found(page.between(key, end), page.between(value, key));
        end = value;
    }
    return 0;
}

std::uint16_t Walker::large_pair(Page page)
{
    key_.clear();
    value_.clear();
    for (;; page = overflow(page.next())) {
        key_ += page.between(page.word(1), page.size());
        if (page.word(2) != partial_key)
            break;
    }
    std::uint16_t next = page.next();
    if (page.word(2) == full_key) {
        next = rest_of_value(next);
    } else if (page.word(2) == full_key_data) {
        value_ += page.between(page.word(page.entries()), page.word(1));
        // No room left means that the value goes on.
        if (page.free_space() == 0)
            next = rest_of_value(next);
    } else {
        damaged("an item of unknown kind");
    }
    found(key_, value_);
    return next;
}

std::uint16_t Walker::rest_of_value(std::uint16_t address)
{
    for (;;) {
        const Page page = overflow(address);
        value_ += page.between(page.word(1), page.size());
        if (page.word(2) == full_key_data)
            return page.entries() == 2 ? std::uint16_t{0} : page.next();
        if (page.word(2) != full_key)
            damaged("an item of unknown kind");
        address = page.next();
    }
}

}  // namespace

bool is_bdb185(std::string_view file)
{
    std::uint32_t magic = 0;
    if (file.size() < sizeof magic)
        return false;
    std::memcpy(&magic, file.data(), sizeof magic);
    const auto swapped = __builtin_bswap32(magic);
    // The header of a hash is big-endian, that of a btree in either order.
    return (native_is_little ? swapped : magic) == hash_magic ||
           magic == btree_magic || swapped == btree_magic;
}

Status visit_bdb185(std::string_view file, const Visit& visit)
try {
    Walker{file, visit}.run();
    return {};
} catch (const Damaged& d) {
    return fail(Errc::format, d.what);
}

}  // namespace policy::map
