// Map entries in memory: what a map file or makemap source text becomes once
// it has been read.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map/map.h"

namespace policy::map {

/// A Snapshot with all entries in one block of memory.  A key that is not
/// there is usually told from the eight bytes it begins with, as with a tag
/// that no entry has, else from one byte of its own, so that a map of a
/// million entries answers about as fast as one of a thousand.
///
/// Immutable once built; see Snapshot for the thread rule.
class Table final : public Snapshot {
public:
    /// Collects entries.  Not for use by two threads.
    class Builder {
    public:
        Builder();

        /// Stores an entry; false, and nothing changed, if `key` is there
        /// already: as makemap, the first of two stays.
        bool add(std::string_view key, std::string_view value);

        std::size_t size() const { return table_->size(); }

        /// The finished table.  The builder is empty afterwards.
        std::shared_ptr<const Table> finish() &&;

    private:
        std::shared_ptr<Table> table_;
    };

    std::optional<std::string_view> find(std::string_view key) const override;
    void for_each(const std::function<void(std::string_view, std::string_view)>&
                      visit) const override;
    std::size_t size() const override { return count_; }

private:
    /// Where an entry begins in `block_`: lengths of key and value, each four
    /// bytes, then the two.
    using Offset = std::uint64_t;

    Table();
    std::string_view key_at(Offset offset) const;
    std::string_view value_at(Offset offset) const;
    /// Slot of `key`, or the free slot where it would go.
    std::size_t slot_of(std::string_view key, std::uint64_t hash) const;
    void grow();

    std::bitset<1U << 16U> beginnings_;  ///< of the keys, by hash
    std::string block_;
    std::vector<std::uint8_t> marks_;  ///< per slot: 0 free, else seven bits
                                       ///< of the hash with the top bit set
    std::vector<Offset> offsets_;      ///< per slot
    std::size_t count_ = 0;
};

}  // namespace policy::map
