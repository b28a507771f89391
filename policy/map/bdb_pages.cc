#include "policy/map/bdb_pages.h"

#include <bit>
#include <optional>
#include <vector>

#include "policy/map/bdb_hash.h"
#include "policy/map/bdb_layout.h"

namespace policy::map {
namespace {

// Where things are in the meta page.
constexpr std::size_t at_magic = 12, at_version = 16, at_page_size = 20,
                      at_encryption = 24, at_meta_flags = 26, at_last_page = 32,
                      at_root = 88;

constexpr std::uint32_t hash_magic = 0x061561;
constexpr std::uint32_t btree_magic = 0x053162;
constexpr std::uint32_t oldest_version = 8;
constexpr std::uint32_t newest_version = 10;
constexpr std::size_t meta_size = 512;
constexpr std::uint32_t min_page = 512;
constexpr std::uint32_t max_page = 65536;

enum HashItem : std::uint8_t { h_plain = 1, h_off_page = 3 };
enum BtreeItem : std::uint8_t {
    b_plain = 1,
    b_duplicate = 2,
    b_overflow = 3,
    b_deleted = 0x80,
};

class Walker {
public:
    Walker(std::string_view file, const Visit& visit, Damage damage);
    void run();

private:
    void walk_hash();
    void hash_chain(const Buckets& buckets, std::uint32_t bucket);
    void hash_page(const Page& page, const Visit& visit);
    std::string_view hash_item(const Page& page, std::size_t i,
                               std::string& buffer);
    void walk_btree();
    std::uint32_t leftmost_leaf(std::uint32_t root);
    void btree_leaf_page(const Page& page);
    std::string_view btree_item(const Page& page, std::size_t i,
                                std::string& buffer);
    std::string_view off_page(std::uint32_t number, std::size_t size,
                              std::string& buffer);
    void check_all_reached() const;
    void salvage();
    Page page(std::uint32_t number) const;
    Page page_once(std::uint32_t number);

    std::string_view file_;
    const Visit& visit_;
    Damage damage_;
    bool swapped_;
    bool hash_;
    Octets meta_;
    std::uint32_t page_size_ = 0;
    std::uint32_t last_page_ = 0;
    std::vector<bool> seen_;
    std::size_t entries_ = 0;  ///< of a hash file, so far
    std::string key_, value_;  ///< items that span pages
};

std::optional<bool> byte_order(std::string_view file, std::uint32_t magic)
{
    if (file.size() < at_magic + 4)
        return std::nullopt;
    std::uint32_t stored = 0;
    std::memcpy(&stored, file.data() + at_magic, sizeof stored);
    if (stored == magic)
        return false;
    if (__builtin_bswap32(stored) == magic)
        return true;
    return std::nullopt;
}

Walker::Walker(std::string_view file, const Visit& visit, Damage damage)
    : file_{file},
      visit_{visit},
      damage_{damage},
      swapped_{byte_order(file, hash_magic).value_or(false) ||
               byte_order(file, btree_magic).value_or(false)},
      hash_{byte_order(file, hash_magic).has_value()},
      meta_{file, swapped_}
{
    if (file.size() < meta_size)
        throw Damaged{"truncated: not even a whole first page"};
    const std::uint32_t version = meta_.u32(at_version);
    if (version < oldest_version || version > newest_version)
        throw Damaged{"Berkeley DB file format " + std::to_string(version) +
                      " is not supported"};
    page_size_ = meta_.u32(at_page_size);
    if (page_size_ < min_page || page_size_ > max_page ||
        !std::has_single_bit(page_size_))
        throw Damaged{"damaged: impossible page size"};
    if (meta_.u8(at_encryption) != 0 || meta_.u8(at_meta_flags) != 0)
        throw Damaged{
            "encrypted, checksummed or partitioned Berkeley DB files are "
            "not supported"};
    last_page_ = meta_.u32(at_last_page);
    const std::size_t whole = (std::size_t{last_page_} + 1) * page_size_;
    if (damage_ == Damage::skip)
        last_page_ =
            file.size() < page_size_
                ? 0
                : static_cast<std::uint32_t>(file.size() / page_size_ - 1);
    else if (file.size() != whole)  // longer: its writer was killed
        throw Damaged{(file.size() < whole ? "truncated: " : "torn: ") +
                      std::to_string(file.size()) + " octets in place of " +
                      std::to_string(whole)};
    seen_.resize(std::size_t{last_page_} + 1);
}

void Walker::run()
{
    if (damage_ == Damage::skip)
        salvage();
    else if (hash_)
        walk_hash();
    else
        walk_btree();
}

Page Walker::page(std::uint32_t number) const
{
    if (number == 0 || number > last_page_)
        damaged(number, "a link leads outside of the file");
    const auto octets =
        file_.substr(std::size_t{number} * page_size_, page_size_);
    const Page p{octets, swapped_};
    if (p.number() != number && p.type() != invalid)
        damaged(number, "has the number of another page");
    return p;
}

Page Walker::page_once(std::uint32_t number)
{
    const Page p = page(number);
    if (seen_[number])
        damaged(number, "links lead in a circle");
    seen_[number] = true;
    return p;
}

void Walker::walk_hash()
{
    const Buckets buckets{meta_, last_page_};
    for (std::uint32_t b = 0; b <= buckets.last(); ++b)
        hash_chain(buckets, b);
    if (buckets.has_lost_some(entries_))
        throw Damaged{"torn: fewer entries than were written to it"};
    check_all_reached();
}

void Walker::hash_chain(const Buckets& buckets, std::uint32_t bucket)
{
    const Visit home = [&](std::string_view key, std::string_view value) {
        if (!buckets.belongs(key, bucket))
            damaged(buckets.page_of(bucket), "has keys of another bucket");
        ++entries_;
        visit_(key, value);
    };
    std::uint32_t number = buckets.page_of(bucket);
    for (bool first = true; first || number != 0; first = false) {
        const Page p = page_once(number);
        if (first && p.is_blank() && buckets.may_be_unwritten(bucket))
            return;
        if (!p.is_hash())
            damaged(number, "is no hash page");
        hash_page(p, home);
        number = p.next();
    }
}

void Walker::hash_page(const Page& page, const Visit& visit)
{
    if (page.entries() % 2 != 0)
        damaged(page.number(), "a key has no value");
    for (std::size_t i = 0; i < page.entries(); i += 2) {
        const auto key = hash_item(page, i, key_);
        visit(key, hash_item(page, i + 1, value_));
    }
}

/// Entries that no link leads to are those of a writer that was killed before
/// it wrote the links.  (A page without entries may wait for its bucket.)
void Walker::check_all_reached() const
{
    for (std::uint32_t n = 1; n != 0 && n <= last_page_; ++n) {
        if (seen_[n])
            continue;
        const Page p = page(n);
        const bool bears = hash_ ? p.is_hash() : p.type() == btree_leaf;
        if (bears && p.entries() != 0)
            damaged(n, "no link leads to it");
    }
}

std::string_view Walker::hash_item(const Page& page, std::size_t i,
                                   std::string& buffer)
{
    const std::size_t at = page.slot(i);
    const std::size_t end = i == 0 ? page.size() : page.slot(i - 1);
    if (end <= at)
        damaged(page.number(), "items overlap");
    const std::uint8_t type = page.u8(at);
    if (type == h_plain)
        return page.sub(at + 1, end - at - 1);
    if (type == h_off_page)
        return off_page(page.u32(at + 4), page.u32(at + 8), buffer);
    damaged(page.number(), "an item of unknown kind");
}

std::string_view Walker::off_page(std::uint32_t number, std::size_t size,
                                  std::string& buffer)
{
    if (size > file_.size())
        damaged(number, "an item is larger than the file");
    buffer.clear();
    while (buffer.size() < size) {
        const Page p = page_once(number);
        if (p.type() != overflow)
            damaged(number, "is no overflow page");
        const auto part = p.sub(page_head, p.high_free());
        if (part.empty())
            damaged(number, "an empty overflow page");
        buffer += part;
        number = p.next();
    }
    if (buffer.size() != size)
        damaged(number, "an item is longer than it says");
    return buffer;
}

void Walker::walk_btree()
{
    std::uint32_t number = leftmost_leaf(meta_.u32(at_root));
    while (number != 0) {
        const Page p = page_once(number);
        if (p.type() != btree_leaf)
            damaged(number, "is no btree leaf");
        btree_leaf_page(p);
        number = p.next();
    }
    check_all_reached();
}

std::uint32_t Walker::leftmost_leaf(std::uint32_t root)
{
    constexpr int max_depth = 255;
    for (int depth = 0; depth < max_depth; ++depth) {
        const Page p = page(root);
        if (p.type() != btree_inner && p.type() != number_inner)
            return root;
        if (p.entries() == 0)
            damaged(root, "an inner page without entries");
        root = p.u32(p.slot(0) + (p.type() == btree_inner ? 4 : 0));
    }
    damaged(root, "links lead in a circle");
}

void Walker::btree_leaf_page(const Page& page)
{
    if (page.entries() % 2 != 0)
        damaged(page.number(), "a key has no value");
    std::size_t done = 0;  // duplicates share the slot of their key
    for (std::size_t i = 0; i < page.entries(); i += 2) {
        if (page.slot(i) == done || page.u8(page.slot(i + 1) + 2) & b_deleted)
            continue;
        done = page.slot(i);
        const auto key = btree_item(page, i, key_);
        visit_(key, btree_item(page, i + 1, value_));
    }
}

std::string_view Walker::btree_item(const Page& page, std::size_t i,
                                    std::string& buffer)
{
    const std::size_t at = page.slot(i);
    const std::uint8_t type = page.u8(at + 2) & ~b_deleted;
    if (type == b_plain)
        return page.sub(at + 3, page.u16(at));
    if (type == b_overflow)
        return off_page(page.u32(at + 4), page.u32(at + 8), buffer);
    if (type != b_duplicate)
        damaged(page.number(), "an item of unknown kind");
    const std::uint32_t leaf = leftmost_leaf(page.u32(at + 4));
    const Page first = this->page(leaf);
    if ((first.type() != duplicate_leaf && first.type() != number_leaf) ||
        first.entries() == 0)
        damaged(leaf, "is no page of duplicates");
    return btree_item(first, 0, buffer);
}

/// Takes every leaf and bucket page as it comes, links or not.
void Walker::salvage()
{
    for (std::uint32_t n = 1; n != 0 && n <= last_page_; ++n) {
        try {
            seen_.assign(seen_.size(), false);
            const Page p = page(n);
            if (hash_ && p.is_hash())
                hash_page(p, visit_);
            else if (!hash_ && p.type() == btree_leaf)
                btree_leaf_page(p);
        } catch (const Damaged&) {
            continue;  // the next page may be whole
        }
    }
}

}  // namespace

bool is_bdb(std::string_view file)
{
    return byte_order(file, hash_magic) || byte_order(file, btree_magic);
}

Status visit_bdb(std::string_view file, const Visit& visit, Damage damage)
try {
    Walker{file, visit, damage}.run();
    return {};
} catch (const Damaged& d) {
    return fail(Errc::format, d.what);
}

}  // namespace policy::map
