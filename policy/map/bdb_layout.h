// Pages of a Berkeley DB file.  For the readers of this folder only.
// Layout: dbinc/db_page.h of libdb.
#pragma once

#include "policy/map/octets.h"

namespace policy::map {

constexpr std::size_t page_head = 26;

enum PageType : std::uint8_t {
    invalid = 0,
    hash_unsorted = 2,
    btree_inner = 3,
    number_inner = 4,  // a tree of duplicates in no order
    btree_leaf = 5,
    number_leaf = 6,
    overflow = 7,
    duplicate_leaf = 12,
    hash_sorted = 13,
};

/// A page by its head; every read is checked, and throws Damaged.
struct Page : Octets {
    using Octets::Octets;
    std::uint32_t number() const { return u32(8); }
    std::uint32_t next() const { return u32(16); }
    std::uint16_t entries() const { return u16(20); }
    std::uint16_t high_free() const { return u16(22); }
    std::uint8_t type() const { return u8(25); }
    bool is_hash() const
    {
        return type() == hash_sorted || type() == hash_unsorted;
    }
    /// Never written: a hole of the file.
    bool is_blank() const
    {
        return sub(0, size()).find_first_not_of('\0') == std::string_view::npos;
    }
    /// Where item i of the page begins.
    std::size_t slot(std::size_t i) const
    {
        const std::size_t at = u16(page_head + 2 * i);
        if (at < page_head + 2 * std::size_t{entries()})
            throw Damaged{"damaged: an item lies in the head of its page"};
        return at;
    }
};

[[noreturn]] inline void damaged(std::uint32_t page, const char* what)
{
    throw Damaged{"damaged: page " + std::to_string(page) + ": " + what};
}

}  // namespace policy::map
