#include "policy/relayers/book.h"

#include "policy/relayers/grant_text.h"

namespace policy::relayers {

Book book_of(const map::Snapshot& entries)
{
    Book book;
    book.grants.reserve(entries.size());
    entries.for_each([&book](std::string_view key, std::string_view value) {
        const auto grant = grant_of(key, value);
        if (!grant) {
            book.others.emplace(key, value);
            return;
        }
        if (auto written = key_of(grant->network); written != key) {
            book.spellings.emplace(std::move(written), key);
            const auto same = book.grants.exact(grant->network);
            if (same && same->login >= grant->login)
                return;
        } else if (!book.spellings.empty()) {
            const auto same = book.grants.exact(grant->network);
            if (same && same->login > grant->login)
                return;
        }
        book.grants.put(*grant);
    });
    return book;
}

void apply(Book& book, const map::Change& change)
{
    book.others.erase(change.key);
    if (change.value) {
        if (const auto grant = grant_of(change.key, *change.value))
            book.grants.put(*grant);
    } else if (const auto network = network_of(change.key)) {
        book.grants.erase(*network);
    }
}

void append_with_spellings(std::vector<map::Change>& changes,
                           const map::Change& change, const Book& book)
{
    const auto [first, last] = book.spellings.equal_range(change.key);
    for (auto it = first; it != last; ++it)
        changes.push_back({it->second, std::nullopt});
    changes.push_back(change);
}

}  // namespace policy::relayers
