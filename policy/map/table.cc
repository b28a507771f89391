#include "policy/map/table.h"

#include <cstring>

namespace policy::map {
namespace {

constexpr std::size_t first_slots = 16;  // a power of two, as every later size
constexpr std::size_t header = 2 * sizeof(std::uint32_t);

std::uint64_t mix(std::uint64_t x)
{
    x ^= x >> 32;
    x *= 0x9e3779b97f4a7c15U;
    x ^= x >> 29;
    return x;
}

template <class Word>
std::uint64_t word(const char* p)
{
    Word w;
    std::memcpy(&w, p, sizeof w);
    return w;
}

/// At most eight bytes; those in the middle may count twice.
std::uint64_t last_word(const char* p, std::size_t n)
{
    if (n >= 4)
        return word<std::uint32_t>(p) | word<std::uint32_t>(p + n - 4) << 32;
    if (n == 0)
        return 0;
    return word<std::uint8_t>(p) | word<std::uint8_t>(p + n / 2) << 8 |
           word<std::uint8_t>(p + n - 1) << 16;
}

/// Eight bytes a step; keys come from an administrator's file, so nobody can
/// choose them to collide.
std::uint64_t hash_of(std::string_view key)
{
    std::uint64_t h = key.size() * 0xff51afd7ed558ccdU;
    const char* p = key.data();
    std::size_t left = key.size();
    for (; left > 8; left -= 8, p += 8)
        h = mix(h ^ word<std::uint64_t>(p));
    return mix(h ^ last_word(p, left));
}

std::size_t beginning_of(std::string_view key)
{
    return hash_of(key.substr(0, sizeof(std::uint64_t))) >> 48U;
}

std::uint8_t mark_of(std::uint64_t hash)
{
    return static_cast<std::uint8_t>(0x80U | (hash >> 57));
}

std::uint32_t length_at(const std::string& block, std::size_t at)
{
    std::uint32_t n = 0;
    std::memcpy(&n, block.data() + at, sizeof n);
    return n;
}

void append_length(std::string& block, std::size_t length)
{
    const auto n = static_cast<std::uint32_t>(length);
    block.append(reinterpret_cast<const char*>(&n), sizeof n);
}

}  // namespace

Table::Table() : marks_(first_slots), offsets_(first_slots) {}

std::string_view Table::key_at(Offset offset) const
{
    return std::string_view{block_}.substr(offset + header,
                                           length_at(block_, offset));
}

std::string_view Table::value_at(Offset offset) const
{
    const std::size_t key = length_at(block_, offset);
    return std::string_view{block_}.substr(
        offset + header + key,
        length_at(block_, offset + sizeof(std::uint32_t)));
}

std::size_t Table::slot_of(std::string_view key, std::uint64_t hash) const
{
    const std::size_t mask = marks_.size() - 1;
    const std::uint8_t mark = mark_of(hash);
    std::size_t slot = hash & mask;
    while (marks_[slot] != 0 &&
           (marks_[slot] != mark || key_at(offsets_[slot]) != key))
        slot = (slot + 1) & mask;
    return slot;
}

void Table::grow()
{
    const auto marks = std::move(marks_);
    const auto offsets = std::move(offsets_);
    marks_.assign(marks.size() * 2, 0);
    offsets_.assign(marks_.size(), 0);
    for (std::size_t i = 0; i < marks.size(); ++i) {
        if (marks[i] == 0)
            continue;
        const auto key = key_at(offsets[i]);
        const std::size_t slot = slot_of(key, hash_of(key));
        marks_[slot] = marks[i];
        offsets_[slot] = offsets[i];
    }
}

std::optional<std::string_view> Table::find(std::string_view key) const
{
    if (!beginnings_[beginning_of(key)])
        return std::nullopt;
    const std::size_t slot = slot_of(key, hash_of(key));
    if (marks_[slot] == 0)
        return std::nullopt;
    return value_at(offsets_[slot]);
}

void Table::for_each(
    const std::function<void(std::string_view, std::string_view)>& visit) const
{
    for (std::size_t i = 0; i < marks_.size(); ++i)
        if (marks_[i] != 0)
            visit(key_at(offsets_[i]), value_at(offsets_[i]));
}

Table::Builder::Builder() : table_{new Table} {}

bool Table::Builder::add(std::string_view key, std::string_view value)
{
    Table& t = *table_;
    if ((t.count_ + 1) * 2 > t.marks_.size())
        t.grow();
    const std::uint64_t hash = hash_of(key);
    const std::size_t slot = t.slot_of(key, hash);
    if (t.marks_[slot] != 0)
        return false;
    t.beginnings_.set(beginning_of(key));
    t.marks_[slot] = mark_of(hash);
    t.offsets_[slot] = t.block_.size();
    append_length(t.block_, key.size());
    append_length(t.block_, value.size());
    t.block_.append(key).append(value);
    ++t.count_;
    return true;
}

std::shared_ptr<const Table> Table::Builder::finish() &&
{
    std::shared_ptr<Table> done{new Table};
    done.swap(table_);
    done->block_.shrink_to_fit();
    return done;
}

}  // namespace policy::map
